import SkeinGraph

/// Qwen3: Llama with each head of queries and keys normalized before it is rotated (arXiv 2505.09388).
struct Qwen3: Family {
  static let architectures = ["qwen3"]
  let configuration: DecoderConfiguration

  init(_ reader: ConfigurationReader) throws {
    configuration = try DecoderConfiguration(reader)
    try reader.refuseExperts()
  }

  var moduleClasses: ModuleClasses {
    ModuleClasses("qwen3", prefix: "Qwen3")
  }

  func build(_ g: inout GraphBuilder) {
    let c = configuration
    g.decoder(c) { g, h in
      Qwen3.attention(&g, h, c)
    } feedForward: { g, h in
      g.feedForward(h, c)
    }
  }

  static func attention(_ g: inout GraphBuilder, _ h: NodeID, _ c: DecoderConfiguration) -> NodeID {
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
}
