import SkeinGraph

/// Llama, and everything of its shape: Mistral, Yi, SmolLM, TinyLlama...
///
/// "LLaMA: Open and Efficient Foundation Language Models", arXiv 2302.13971; grouped queries from
/// arXiv 2307.09288, sliding windows from Mistral 7B, arXiv 2310.06825.
struct Llama: Family {
  static let architectures = ["llama"]
  let configuration: DecoderConfiguration
  /// GGUF files hold the rows of q and k in the order that makes pairs neighbours; other checkpoints do not.
  private let pairing: Rope.Pairing

  init(_ reader: ConfigurationReader) throws {
    configuration = try DecoderConfiguration(reader)
    pairing = try reader.word("rope.pairing") == "halves" ? .halves : .interleaved
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
    let q = g.linear(h, .query, width: c.headCount * c.keyWidth)
    let k = g.linear(h, .key, width: c.keyValueHeadCount * c.keyWidth)
    let v = g.linear(h, .value, width: c.keyValueHeadCount * c.valueWidth)
    return g.attention(
      g.rope(q, .queryRope, c.rope(heads: c.headCount, pairing: pairing)),
      g.rope(k, .keyRope, c.rope(heads: c.keyValueHeadCount, pairing: pairing)), v,
      headCount: c.headCount, keyValueHeadCount: c.keyValueHeadCount, window: c.window)
  }

  private func feedForward(_ g: inout GraphBuilder, _ h: NodeID) -> NodeID {
    let c = configuration
    let gate = g.linear(h, .gate, width: c.feedForwardWidth)
    let up = g.linear(h, .up, width: c.feedForwardWidth)
    return g.linear(g.gatedActivation(gate, up, .activation), .down, width: c.width)
  }
}
