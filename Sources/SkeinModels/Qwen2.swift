import SkeinGraph

/// Qwen2 and Qwen2.5: Llama with biases on queries, keys and values (arXiv 2407.10671).
struct Qwen2: Family {
  static let architectures = ["qwen2"]
  let configuration: DecoderConfiguration

  init(_ reader: ConfigurationReader) throws {
    configuration = try DecoderConfiguration(reader)
    try reader.refuseExperts()
  }

  var moduleClasses: ModuleClasses {
    ModuleClasses("qwen2", prefix: "Qwen2")
  }

  func build(_ g: inout GraphBuilder) {
    let c = configuration
    g.decoder(c) { g, h in
      Qwen2.attention(&g, h, c)
    } feedForward: { g, h in
      g.feedForward(h, c)
    }
  }

  static func attention(_ g: inout GraphBuilder, _ h: NodeID, _ c: DecoderConfiguration) -> NodeID {
    // The biases are in the file, and so in the graph.
    let q = g.linear(h, .query, width: c.headCount * c.keyWidth)
    let k = g.linear(h, .key, width: c.keyValueHeadCount * c.keyWidth)
    let v = g.linear(h, .value, width: c.keyValueHeadCount * c.valueWidth)
    return g.attention(
      g.rope(q, .queryRope, c.rope(heads: c.headCount, pairing: .halves)),
      g.rope(k, .keyRope, c.rope(heads: c.keyValueHeadCount, pairing: .halves)), v,
      headCount: c.headCount, keyValueHeadCount: c.keyValueHeadCount, window: c.window)
  }
}
