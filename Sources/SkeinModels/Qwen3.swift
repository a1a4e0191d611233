import SkeinGraph

/// Qwen3: Llama with each head of queries and keys normalized before it is rotated (arXiv 2505.09388).
struct Qwen3: Family {
  static let architectures = ["qwen3"]
  let configuration: DecoderConfiguration

  init(_ reader: ConfigurationReader) throws {
    configuration = try DecoderConfiguration(reader)
  }

  func build(_ g: inout GraphBuilder) {
    let c = configuration
    var x = g.embedding(.tokenEmbedding, width: c.width)
    for layer in 0..<c.layerCount {
      g.layer = layer
      var a = attention(&g, g.rmsNorm(x, .attentionNorm, epsilon: c.epsilon))
      if layer == c.layerCount - 1 { (x, a) = g.selectOutputs(x, a) }
      x = g.add(x, g.linear(a, .attentionOutput, width: c.width), .attentionResidual)
      let f = feedForward(&g, g.rmsNorm(x, .feedForwardNorm, epsilon: c.epsilon))
      x = g.add(x, f, .feedForwardResidual)
    }
    g.layer = nil
    x = g.rmsNorm(x, .outputNorm, epsilon: c.epsilon)
    _ = g.linear(x, .head, width: c.vocabularySize, sharing: c.headSource)
  }

  private func attention(_ g: inout GraphBuilder, _ h: NodeID) -> NodeID {
    let c = configuration
    let q = g.rmsNorm(
      g.linear(h, .query, width: c.headCount * c.keyWidth), .queryNorm, epsilon: c.epsilon,
      groupWidth: c.keyWidth)
    let k = g.rmsNorm(
      g.linear(h, .key, width: c.keyValueHeadCount * c.keyWidth), .keyNorm, epsilon: c.epsilon,
      groupWidth: c.keyWidth)
    let v = g.linear(h, .value, width: c.keyValueHeadCount * c.valueWidth)
    return g.attention(
      g.rope(q, .queryRope, c.rope(heads: c.headCount, pairing: .halves)),
      g.rope(k, .keyRope, c.rope(heads: c.keyValueHeadCount, pairing: .halves)), v,
      headCount: c.headCount, keyValueHeadCount: c.keyValueHeadCount, window: c.window)
  }

  private func feedForward(_ g: inout GraphBuilder, _ h: NodeID) -> NodeID {
    let c = configuration
    let gate = g.linear(h, .gate, width: c.feedForwardWidth)
    let up = g.linear(h, .up, width: c.feedForwardWidth)
    return g.linear(g.gatedActivation(gate, up, .activation), .down, width: c.width)
  }
}
