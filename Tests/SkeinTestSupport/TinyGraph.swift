import SkeinGraph

/// Small graphs with everything in them that a decoder has.
public enum TinyGraph {
  /// A llama of `layerCount` layers: grouped queries, biases on queries, gated feed-forward network.
  public static func decoder(
    layerCount: Int = 3, width: Int = 32, heads: Int = 4, keyValueHeads: Int = 2, feedForward: Int = 48,
    vocabulary: Int = 64, window: Int? = nil
  ) -> Graph {
    let headWidth = width / heads
    var g = GraphBuilder(vocabularySize: vocabulary, layerCount: layerCount) {
      $0.part == .bias && $0.node.role == .query
    }
    func rope(_ heads: Int) -> Rope {
      Rope(
        headCount: heads, headWidth: headWidth, dimensions: headWidth, base: 10_000, pairing: .halves,
        scaling: .none)
    }
    var x = g.embedding(.tokenEmbedding, width: width)
    for layer in 0..<layerCount {
      g.layer = layer
      let h = g.rmsNorm(x, .attentionNorm, epsilon: 1e-5)
      let q = g.rope(g.linear(h, .query, width: width), .queryRope, rope(heads))
      let k = g.rope(g.linear(h, .key, width: keyValueHeads * headWidth), .keyRope, rope(keyValueHeads))
      let v = g.linear(h, .value, width: keyValueHeads * headWidth)
      var a = g.attention(
        q, k, v, headCount: heads, keyValueHeadCount: keyValueHeads, window: window)
      if layer == layerCount - 1 { (x, a) = g.selectOutputs(x, a) }
      x = g.add(x, g.linear(a, .attentionOutput, width: width), .attentionResidual)
      let f = g.rmsNorm(x, .feedForwardNorm, epsilon: 1e-5)
      let gate = g.linear(f, .gate, width: feedForward)
      let up = g.linear(f, .up, width: feedForward)
      x = g.add(
        x, g.linear(g.gatedActivation(gate, up, .activation), .down, width: width), .feedForwardResidual)
    }
    g.layer = nil
    x = g.rmsNorm(x, .outputNorm, epsilon: 1e-5)
    _ = g.linear(x, .head, width: vocabulary)
    return try! g.finish()
  }
}

extension Placement {
  /// Every node on a device drawn at random: no strategy would, and everything must still work.
  public static func random(
    of graph: Graph, over devices: [DeviceID], using generator: inout SplitMix64
  ) -> Placement {
    Placement(
      devices: devices,
      shares: graph.nodes.map { _ in
        [Share(device: Int.random(in: devices.indices, using: &generator), fraction: 1)]
      })
  }
}
