@testable import SkeinGraph
import SkeinTensor
import SkeinTestSupport
import Testing

/// Nodes of a layer on several devices, in a plan.
@Suite struct NodeSplitTests {
  /// 6 query heads of 8 values on 3 heads of keys and values.
  let graph = TinyGraph.decoder(width: 48, heads: 6, keyValueHeads: 3, feedForward: 96, vocabulary: 96)
  let limits = PlanLimits(
    tokensPerPass: 16, outputsPerPass: 16, passesInFlight: 2, contextTokens: 200, cachePageTokens: 8,
    cacheType: .f32)

  private func shares(_ fractions: [Double]) -> [Share] {
    fractions.enumerated().map { Share(device: $0, fraction: $1) }
  }

  private func plan(
    _ graph: Graph, devices: Int = 2, type: @escaping (WeightID) -> ElementType = { _ in .f32 },
    _ shares: (Node) -> [Share]
  ) throws -> Plan {
    let ids = (0..<devices).map { DeviceID("d\($0)") }
    return try lower(
      graph, Placement(devices: ids, shares: graph.nodes.map(shares)), limits: limits,
      layouts: ids.map { BlockLayout(id: $0) }, type: type)
  }

  private func columns(_ plan: Plan, _ role: Role, layer: Int? = 0) throws -> [NodeSlice] {
    let node = plan.graph.nodes.first { $0.name == NodeName(layer: layer, role) }!
    return try #require(plan.splits[node.id]).map(\.slice)
  }

  @Test func headsAndInnerValuesAreCutAlike() throws {
    let plan = try plan(graph) { _ in shares([0.6, 0.4]) }
    #expect(try columns(plan, .query) == [.columns(0..<32), .columns(32..<48)])
    #expect(try columns(plan, .queryRope) == columns(plan, .query))
    #expect(try columns(plan, .key) == [.columns(0..<16), .columns(16..<24)])
    #expect(try columns(plan, .attention) == [.columns(0..<32), .columns(32..<48)])
    #expect(try columns(plan, .attentionOutput) == [.inner(0..<32), .inner(32..<48)])
    #expect(try columns(plan, .gate) == [.columns(0..<64), .columns(64..<96)])
    #expect(try columns(plan, .down) == [.inner(0..<64), .inner(64..<96)])
    #expect(try columns(plan, .head, layer: nil) == [.columns(0..<64), .columns(64..<96)])
    for role in [Role.attentionNorm, .attentionResidual, .feedForwardNorm, .feedForwardResidual] {
      let node = graph.nodes.first { $0.name == NodeName(layer: 0, role) }!
      #expect(plan.splits[node.id] == nil)
      for device in plan.devices {
        #expect(device.steps.count { $0.node == node.id && $0.kind == .compute } == 1)
      }
    }
    let attention = graph.nodes.first { $0.name == NodeName(layer: 0, .attention) }!
    let part = try #require(graph.part(.columns(32..<48), of: attention))
    guard case .attention(let heads) = part.op else { return }
    #expect(heads.headCount == 2 && heads.keyValueHeadCount == 1 && part.width == 16)
    #expect(
      graph.part(.columns(8..<24), of: attention) == nil && graph.part(.inner(0..<8), of: attention) == nil)
  }

  /// A layer hands over twice, each device to each other; the model once more for the logits, and for the embedding
  /// where its two runs of 32 columns are enough for the devices.
  @Test(arguments: [2, 3]) func aLayerHandsOverTwice(count: Int) throws {
    let plan = try plan(graph, devices: count) { _ in
      shares([Double](repeating: 1 / Double(count), count: count))
    }
    for (index, device) in plan.devices.enumerated() {
      for layer in 0..<graph.layerCount {
        let waits = device.steps.filter { $0.waits && graph[$0.node].name.layer == layer }
        #expect(
          waits.map { graph[$0.node].name.role }
            == [Role](repeating: .attentionOutput, count: count - 1)
            + [Role](repeating: .down, count: count - 1))
        #expect(waits.allSatisfy { plan.width(of: $0) == 48 })
      }
      let outside = device.steps.filter { $0.waits && graph[$0.node].name.layer == nil }
      #expect(outside.count == (count == 2 ? 1 : 0) + (index == 0 ? count - 1 : 0))
    }
    #expect(plan.devices[0].steps.last?.kind == .output)
  }

  /// Each device holds its part of the weights and of the cache, and no more; norms are on all.
  @Test func memoryIsShared() throws {
    let whole = try plan(graph, devices: 1) { _ in shares([1]) }
    let plan = try plan(graph) { _ in shares([0.67, 0.33]) }
    func bytes(_ plan: Plan, _ device: Int, _ roles: [Role]) -> Int {
      plan.devices[device].weights.reduce(0) {
        let name = graph[$1.weight].name
        return roles.contains(name.node.role) && name.part == .weight ? $0 + $1.buffer.byteCount : $0
      }
    }
    let matrices: [Role] = [.query, .key, .value, .attentionOutput, .gate, .up, .down, .head]
    let all = bytes(whole, 0, matrices)
    #expect(bytes(plan, 0, matrices) == all / 3 * 2 && bytes(plan, 1, matrices) == all / 3)
    let norms: [Role] = [.attentionNorm, .feedForwardNorm, .outputNorm]
    #expect(
      bytes(plan, 0, norms) == bytes(whole, 0, norms) && bytes(plan, 1, norms) == bytes(whole, 0, norms))
    func cache(_ plan: Plan, _ device: Int) -> Int {
      plan.devices[device].caches.reduce(0) { $0 + $1.keys.byteCount + $1.values.byteCount }
    }
    #expect(cache(plan, 0) == cache(whole, 0) / 3 * 2 && cache(plan, 1) == cache(whole, 0) / 3)
    #expect(plan.devices[1].caches.allSatisfy { $0.headCount == 1 })
    // A bias goes with its rows.
    let biases = plan.devices.map { device in
      device.weights.filter { graph[$0.weight].name == WeightName(NodeName(layer: 1, .query), .bias) }
        .map(\.buffer.byteCount)
    }
    #expect(biases == [[32 * 4], [16 * 4]])
  }

  /// Blocks of the weights stay whole: of 32 values, four heads of 8; of 256 there are too few.
  @Test func blocksAreKeptWhole() throws {
    let wide = TinyGraph.decoder(width: 64, heads: 8, keyValueHeads: 8, feedForward: 512)
    let q8 = try plan(wide, type: { wide[$0].name.node.role == .attentionOutput ? .q8_0 : .f32 }) { _ in
      shares([0.9, 0.1])
    }
    #expect(try columns(q8, .attention) == [.columns(0..<32), .columns(32..<64)])
    let q4 = try plan(wide, type: { wide[$0].name.node.role == .down ? .q4_K : .f32 }) { _ in
      shares([0.9, 0.1])
    }
    #expect(try columns(q4, .gate) == [.columns(0..<256), .columns(256..<512)])
    #expect(
      problem {
        try plan(wide, devices: 3, type: { wide[$0].name.node.role == .down ? .q4_K : .f32 }) { _ in
          shares([0.4, 0.3, 0.3])
        }
      }.contains(
        "layers.0.down: 3 devices cannot share its 512 values, which blocks of the weights keep in runs of 256"
      ))
  }

  private func problem(_ body: () throws -> Plan) -> String {
    do {
      _ = try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func whatCannotBeSharedIsSaid() {
    #expect(
      problem { try plan(graph, devices: 4) { _ in shares([0.25, 0.25, 0.25, 0.25]) } }
        == "layers.0.attention: 4 devices cannot share its 3 heads of keys and values; give it to 3 at most")
    // Attention by itself: its queries are elsewhere.
    #expect(
      problem {
        try plan(graph) { $0.name.role == .attention ? shares([0.5, 0.5]) : shares([1]) }
      }.contains("layers.0.attention: its heads are shared by 2 devices, but layers.0.queryRope is not"))
    // Keys by other fractions than queries.
    #expect(
      problem {
        try plan(graph) {
          [.key, .keyRope].contains($0.name.role) ? shares([0.3, 0.7]) : shares([0.7, 0.3])
        }
      }.contains("layers.0.keyRope is not, or not in the same way"))
    #expect(problem { try plan(graph) { _ in shares([0.9, 0.4]) } }.contains("sum to 1"))
    #expect(
      problem { try plan(graph) { _ in [Share(device: 0, fraction: 0.5), Share(device: 0, fraction: 0.5)] } }
        .contains("two shares on one device"))
    #expect(
      problem {
        try plan(graph) { _ in (0..<2).map { Share(device: $0, fraction: 0.5, experts: ExpertSet([$0])) } }
      }.contains("name experts, of which it has none"))
  }

  /// A validator that accepts anything proves nothing.
  @Test func damagedPlansAreFound() throws {
    let good = try plan(graph) { _ in shares([0.6, 0.4]) }
    func node(_ role: Role) -> NodeID { graph.nodes.first { $0.name == NodeName(layer: 1, role) }!.id }
    func expectFound(_ what: Comment, _ damage: (inout Plan) -> Void) {
      var plan = good
      damage(&plan)
      #expect(what) { try plan.validate() } throws: { ($0 as? GraphError)?.code == .invalidPlan }
    }
    expectFound("a part is missing") { plan in
      plan.devices[1].steps.removeAll { $0.node == node(.gate) && $0.kind == .compute }
    }
    expectFound("a device does not compute the norm for itself") { plan in
      plan.devices[1].steps.removeAll { $0.node == node(.feedForwardNorm) && $0.kind == .compute }
    }
    expectFound("a sum is put side by side") { plan in
      let sum = plan.devices[0].steps.firstIndex { $0.kind == .reduce }!
      plan.devices[0].steps[sum].kind = .join
    }
    expectFound("columns are left out") { plan in plan.splits[node(.gate)]![1].slice = .columns(72..<96) }
    expectFound("columns are there twice") { plan in plan.splits[node(.down)]![1].slice = .inner(32..<96) }
    expectFound("heads are cut") { plan in
      plan.splits[node(.attention)] = [
        NodePart(device: 0, slice: .columns(0..<24)), NodePart(device: 1, slice: .columns(24..<48)),
      ]
    }
    expectFound("queries and attention are cut at different places") { plan in
      plan.splits[node(.query)] = [
        NodePart(device: 0, slice: .columns(0..<16)), NodePart(device: 1, slice: .columns(16..<48)),
      ]
    }
    expectFound("two parts on one device") { plan in plan.splits[node(.up)]![1].device = 0 }
    expectFound("a weight is whole") { plan in
      let weight = graph[node(.up)].weights[0]
      let slot = plan.devices[0].weights.firstIndex { $0.weight == weight }!
      plan.devices[0].weights[slot].slice = nil
    }
    expectFound("a cache has another part's heads") { plan in plan.devices[1].caches[1].headCount = 2 }
    expectFound("a cut node that does not exist") { plan in plan.splits[NodeID(999)] = plan.splits[node(.up)]
    }
  }

  /// The work of the parts is that of the whole.
  @Test func workIsThatOfTheParts() throws {
    let plan = try plan(graph) { _ in shares([0.6, 0.4]) }
    for (id, parts) in plan.splits {
      let node = graph[id]
      func operations(_ slice: NodeSlice?) -> Double {
        graph.work(of: node, tokens: 7, outputs: 7, contextTokens: 50, slice: slice) { _ in 0 }
          .floatingPointOperations
      }
      let sum = parts.reduce(0) { $0 + operations($1.slice) }
      #expect(abs(sum - operations(nil)) <= 1e-9 * sum, "\(node.name)")
    }
    let attention = graph.nodes.first { $0.name == NodeName(layer: 0, .attention) }!
    let bytes = try columns(plan, .attention).map {
      graph.cachedBytesPerToken(graph.part($0, of: attention)!, .f16)
    }
    #expect(bytes == [64, 32])
  }

  /// A head that shares the embedding's matrix: whole on one device for the embedding, rows on both for the head.
  @Test func aTiedHeadIsCutByRows() throws {
    var g = GraphBuilder(vocabularySize: 96, layerCount: 0) { _ in false }
    let embedded = g.embedding(.tokenEmbedding, width: 64)
    let (selected, _) = g.selectOutputs(embedded, embedded)
    let x = g.rmsNorm(selected, .outputNorm, epsilon: 1e-5)
    _ = g.linear(x, .head, width: 96, sharing: WeightName(NodeName(.tokenEmbedding)))
    let tied = try g.finish()
    func bytes(_ plan: Plan) -> [[Int]] {
      plan.devices.map { device in
        device.weights.filter { tied[$0.weight].shape.extents.count == 2 }.map(\.buffer.byteCount)
      }
    }
    let byHead = try plan(tied) { $0.name.role == .head ? shares([0.5, 0.5]) : shares([1]) }
    #expect(bytes(byHead) == [[96 * 256, 64 * 256], [32 * 256]])
    let all = try plan(tied) { _ in shares([0.5, 0.5]) }
    // Shared, the embedding has columns.
    #expect(bytes(all) == [[96 * 128, 64 * 256], [96 * 128, 32 * 256]])
  }
}

private struct BlockLayout: DeviceLayout {
  var id: DeviceID
  var memoryBytes: Int { 1 << 40 }
  var memoryPool: String { id.name }

  func byteCount(of weight: Weight, type: ElementType) -> Int {
    weight.shape.columns.dividedUp(by: type.blockElementCount) * type.blockBytes * weight.shape.rows
  }
  func workspaceBytes(
    for node: Node, in graph: Graph, limits: PlanLimits, type: (WeightID) -> ElementType
  ) -> Int { 0 }
}
