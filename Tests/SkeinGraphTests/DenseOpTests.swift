import SkeinTensor
import SkeinTestSupport
import Testing

@testable import SkeinGraph

/// Norms by mean and variance, activations, tables of positions, sinks and caps in graphs.
@Suite struct DenseOpTests {
  /// A layer with all of them; `stored` are the optional weights that there are.
  private func graph(
    positions: Int = 32, activation: Activation = .gelu, cap: Float = 30,
    stored: Set<Role> = [.attentionNorm, .attentionSinks]
  ) throws -> Graph {
    var g = GraphBuilder(vocabularySize: 64, layerCount: 1) { stored.contains($0.node.role) }
    let token = g.embedding(.tokenEmbedding, width: 16, scale: 4)
    var x = g.add(token, g.positionEmbedding(.positionEmbedding, count: positions, width: 16), .embedded)
    g.layer = 0
    let h = g.layerNorm(x, .attentionNorm, epsilon: 1e-5)
    let q = g.linear(h, .query, width: 16)
    var a = g.attention(
      q, g.linear(h, .key, width: 16), g.linear(h, .value, width: 16), headCount: 4, keyValueHeadCount: 4,
      softCap: 50)
    (x, a) = g.selectOutputs(x, a)
    x = g.add(x, g.activation(a, .activation, activation), .attentionResidual)
    g.layer = nil
    _ = g.softCap(g.linear(x, .head, width: 64), .cappedHead, cap: cap)
    return try g.finish()
  }

  @Test func weightsThatTheCheckpointHasAreTaken() throws {
    let all = try graph()
    func weights(_ graph: Graph, _ role: Role) -> [[Int]] {
      graph.nodes.first { $0.name.role == role }!.weights.map { graph[$0].shape.extents }
    }
    #expect(weights(all, .attentionNorm) == [[16], [16]] && weights(all, .attention) == [[4]])
    #expect(weights(all, .positionEmbedding) == [[32, 16]])
    let few = try graph(stored: [])
    #expect(weights(few, .attentionNorm) == [[16]] && weights(few, .attention) == [])
    guard case .attention(let attention) = all.nodes.first(where: { $0.name.role == .attention })!.op else {
      Issue.record("no attention")
      return
    }
    #expect(attention.softCap == 50)
  }

  @Test func whatCannotBeComputedIsFound() throws {
    #expect(throws: GraphError.self) { try graph(cap: 0) }
    #expect(throws: GraphError.self) { try graph(cap: .infinity) }
    #expect(throws: GraphError.self) { try graph(activation: .clampedSwish(alpha: 1.702, limit: 7)) }
    var broken = try graph()
    let sinks = broken.weights.firstIndex { $0.name.node.role == .attentionSinks }!
    broken.weights[sinks].shape = Shape([5])
    #expect(throws: GraphError.self) { try broken.validate() }
  }

  /// Behind the table lies other memory.
  @Test func theContextStaysWithinTheTableOfPositions() throws {
    let graph = try graph(positions: 32)
    let device = DeviceID("d0")
    let placement = Placement(
      devices: [device], shares: graph.nodes.map { _ in [Share(device: 0, fraction: 1)] })
    func plan(_ context: Int) throws -> Plan {
      let limits = PlanLimits(tokensPerPass: 4, outputsPerPass: 4, contextTokens: context)
      return try lower(graph, placement, limits: limits, layouts: [TestLayout(id: device)]) { _ in .f32 }
    }
    #expect(try plan(32).devices.count == 1)
    #expect {
      try plan(33)
    } throws: {
      "\($0)".contains("positionEmbedding: has 32 positions")
    }
  }

  @Test func workOfTablesIsThatOfTheirRows() throws {
    let graph = try graph()
    func work(_ role: Role) -> Work {
      graph.work(
        of: graph.nodes.first { $0.name.role == role }!, tokens: 5, outputs: 2, contextTokens: 10,
        weightBytes: { graph[$0].shape.elementCount! * 4 })
    }
    #expect(work(.positionEmbedding).weightBytes == 5 * 16 * 4)
    #expect(work(.cappedHead).activationBytes == 2 * 2 * 64 * 4)
    #expect(work(.attentionNorm).weightBytes == 2 * 16 * 4)
  }

  @Test func factorsScaleFrequenciesAndMagnitude() {
    let rope = Rope(
      headCount: 1, headWidth: 8, dimensions: 4, base: 10_000, pairing: .halves,
      scaling: .factors([2, 4], magnitude: 1.25))
    #expect(rope.frequencies == [0.5, 0.01 / 4] && rope.magnitude == 1.25)
  }
}
