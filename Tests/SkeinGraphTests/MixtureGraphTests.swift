import SkeinTensor
import SkeinTestSupport
import Testing

@testable import SkeinGraph

/// Mixtures of experts and latent attention at the level of graphs.
@Suite struct MixtureGraphTests {
  let graph = TinyGraph.mixture()
  let heads = TinyGraph.latentHeads

  private func node(_ graph: Graph, _ role: Role, layer: Int = 1) -> Node {
    graph.nodes.first { $0.name == NodeName(layer: layer, role) }!
  }

  @Test func aCompressedCacheHoldsOneRowForAllHeads() {
    #expect(graph.caches.map { $0.bytesPerToken(.f16) / 2 } == [16, 16, 16])
    let expanded = TinyGraph.mixture(latentCache: .expanded)
    #expect(expanded.caches.map { $0.bytesPerToken(.f16) / 2 } == [60, 60, 60])
    #expect(node(expanded, .keyUp).width == 40 && node(expanded, .valueUp).width == 20)
    let inputs = [Role.queryRope, .keyUp, .valueUp].map { node(expanded, $0).id }
    #expect(node(expanded, .attention).inputs == inputs)
  }

  @Test func weightsAreTheSameWhateverIsCached() {
    for isSplit in [true, false] {
      let names = [GraphOptions.LatentCache.compressed, .expanded].map { cache in
        let graph = TinyGraph.mixture(isSplit: isSplit, latentCache: cache)
        return Set(graph.weights.map { "\($0.name) \($0.shape)" })
      }
      #expect(names[0] == names[1])
      #expect(names[0].contains("layers.0.keyValueUp.weight [44, 12]") == !isSplit)
      #expect(names[0].contains("layers.0.keyUp.weight [4, 12, 6]") == isSplit)
    }
  }

  @Test func deepSeekV2Caches576Values() {
    let heads = LatentHeads(headCount: 128, rank: 512, plainWidth: 128, ropeWidth: 64, valueWidth: 128)
    #expect(heads.latentWidth == 576 && heads.keyWidth == 192)
  }

  @Test func manyTokensMakeKeysAndValues() {
    var heads = LatentHeads(headCount: 16, rank: 512, plainWidth: 128, ropeWidth: 64, valueWidth: 128)
    #expect(heads.leastExpandedTokens == 210)
    heads.headCount = 128
    #expect(heads.leastExpandedTokens == 210)
    // Keys that are as wide as the compressed rows save nothing.
    heads.rank = 64
    #expect(heads.leastExpandedTokens == .max)
  }

  /// Against what was measured, in milliseconds, on a Zen 4 core with AVX-512: passes of 16 heads of DeepSeek-V2's
  /// widths at the end of a context, weights of F16 and of Q8_0.
  @Test(arguments: [
    (tokens: 32, context: 2048, absorbed: [26.2, 24.1], expanded: [123.3, 86.3]),
    (128, 2048, [100.1, 94.4], [145.7, 109.6]),
    (512, 2048, [373.8, 335.4], [244.4, 195.9]),
    (512, 512, [101.6, 72.6], [47.3, 38.4]),
  ])
  func theFormIsTheFasterOne(tokens: Int, context: Int, absorbed: [Double], expanded: [Double]) {
    let heads = LatentHeads(headCount: 16, rank: 512, plainWidth: 128, ropeWidth: 64, valueWidth: 128)
    let isExpanded = tokens >= heads.leastExpandedTokens
    for (absorbed, expanded) in zip(absorbed, expanded) { #expect((expanded < absorbed) == isExpanded) }
    // Counted: 20, 25 and 22 a product are within a third of what these took, each against the other.
    let seen = Double(tokens * (2 * context - tokens + 1) / 2)
    let one = 20 * seen * Double(heads.absorbedProducts) + 22 * Double(tokens * heads.projectionProducts)
    let other = 25 * seen * Double(heads.expandedProducts) + 22 * Double(context * heads.projectionProducts)
    for (absorbed, expanded) in zip(absorbed, expanded) {
      #expect((0.66...1.5).contains(other / one / (expanded / absorbed)))
    }
  }

  @Test func everyBrokenRuleIsFound() {
    func changed(_ role: Role, _ op: (Op) -> Op, weights: Int? = nil) -> Graph {
      var copy = graph
      let old = node(graph, role)
      copy.nodes[old.id.index] = Node(
        id: old.id, name: old.name, op: op(old.op), inputs: old.inputs,
        weights: Array(old.weights.prefix(weights ?? old.weights.count)), rows: old.rows, width: old.width,
        source: old.source)
      return copy
    }
    func router(_ change: (inout ExpertRouter) -> Void) -> Graph {
      var router = TinyGraph.router
      change(&router)
      return changed(.router, { _ in .expertRouter(router) })
    }
    var few = heads
    few.headCount = 3
    let attention = LatentAttention(cache: CacheID(0), heads: few, scale: 1)
    let experts = Experts(expertCount: 8, chosenCount: 3, expertWidth: 24)
    let broken: [(String, Graph)] = [
      ("its choice does not fill its width", router { $0.chosenCount = 3 }),
      ("cannot choose 9 of 8 experts", router { $0.chosenCount = 9 }),
      ("cannot be cut into 3 groups", router { $0.groups!.count = 3 }),
      ("cannot choose 5 of 4 groups", router { $0.groups!.chosenCount = 5 }),
      ("hold fewer than 2", router { $0.groups = .init(count: 8, chosenCount: 1, score: .largest) }),
      ("has weights", router { $0.expertCount = 4 }),
      ("takes widths", changed(.experts, { _ in .experts(experts) })),
      ("has weights", changed(.experts, { $0 }, weights: 2)),
      ("its heads do not fill its width", changed(.attention, { _ in .latentAttention(attention) })),
      (
        "its cache does not exist",
        changed(
          .attention, { _ in .latentAttention(LatentAttention(cache: CacheID(9), heads: heads, scale: 1)) })
      ),
      (
        "its groups do not fill its width",
        changed(.keyValueNorm, { _ in .rmsNorm(RMSNorm(groupWidth: 6, epsilon: 1, passedWidth: 4)) })
      ),
      ("takes widths", changed(.mixture, { _ in .sigmoidGate })),
    ]
    for (words, graph) in broken {
      #expect("\(words)") {
        try graph.validate()
      } throws: {
        "\($0)".contains(words)
      }
    }
  }

  @Test func onlyExpertsThatAreChosenAreRead() {
    let experts = Experts(expertCount: 64, chosenCount: 8, expertWidth: 1)
    #expect(experts.expectedCount(tokens: 0) == 0)
    #expect(experts.expectedCount(tokens: 1) == 8)
    #expect(abs(experts.expectedCount(tokens: 2) - 15) < 1e-9)
    #expect(experts.expectedCount(tokens: 1000) > 63.999)
    func work(_ role: Role, tokens: Int) -> Work {
      graph.work(of: node(graph, role), tokens: tokens, outputs: 1, contextTokens: 10) {
        graph[$0].shape.elementCount! * 2
      }
    }
    // A quarter of 8 experts of 3 matrices of 24 by 32, two bytes a value.
    #expect(work(.experts, tokens: 1).weightBytes == Double(2 * 3 * 24 * 32 * 2))
    #expect(work(.experts, tokens: 5).floatingPointOperations == Double(2 * 5 * 2 * 3 * 24 * 32))
    #expect(work(.router, tokens: 5).floatingPointOperations == Double(2 * 5 * 8 * 32))
    // For each head: up and down again, and at 10 positions a score of 16 and a sum of 12 values.
    #expect(
      work(.attention, tokens: 3).floatingPointOperations
        == Double(2 * 3 * 4 * (12 * 6 + 12 * 5 + 10 * (16 + 12))))
    // From 16 tokens on, a key and a value a position, and then a score of 10 and a sum of 5 values.
    #expect(heads.leastExpandedTokens == 16)
    #expect(
      work(.attention, tokens: 16).floatingPointOperations
        == Double(2 * 4 * 10 * (12 * 6 + 12 * 5 + 16 * (10 + 5))))
    let read = work(.attention, tokens: 1).activationBytes
    #expect(read == Double(4 * (40 + 16 + 20) + 2 * 10 * 16))
  }

  @Test func itLowersOntoSeveralDevices() throws {
    struct Layout: DeviceLayout {
      let id: DeviceID
      let memoryBytes = 1 << 30
      var memoryPool: String { id.name }
      func byteCount(of weight: Weight, type: ElementType) -> Int { weight.shape.elementCount! * 4 }
      func workspaceBytes(
        for node: Node, in graph: Graph, limits: PlanLimits, type: (WeightID) -> ElementType
      ) -> Int { 0 }
    }
    let layouts = [Layout(id: DeviceID("a")), Layout(id: DeviceID("b"))]
    // Experts on the second device, all else on the first.
    let placement = Placement(
      devices: layouts.map(\.id),
      shares: graph.nodes.map { [Share(device: $0.name.role == .experts ? 1 : 0, fraction: 1)] })
    let limits = PlanLimits(tokensPerPass: 8, contextTokens: 64, cachePageTokens: 16)
    let plan = try lower(graph, placement, limits: limits, layouts: layouts) { _ in .f32 }
    #expect(plan.devices[0].caches.map(\.keys.byteCount) == [2048, 2048, 2048])
    #expect(plan.devices[0].caches.allSatisfy { $0.values.byteCount == 0 })
    #expect(plan.devices[1].weights.count == 9 && plan.devices[1].caches.isEmpty)
  }
}
