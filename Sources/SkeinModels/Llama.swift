import SkeinGraph

/// Llama, and everything of its shape: Mistral, Yi, SmolLM, TinyLlama... and, with experts in place of the
/// feed-forward network, Mixtral, whose files bear the same name.
///
/// "LLaMA: Open and Efficient Foundation Language Models", arXiv 2302.13971; grouped queries from
/// arXiv 2307.09288, sliding windows from Mistral 7B, arXiv 2310.06825; Mixtral of Experts, arXiv 2401.04088.
struct Llama: Family {
  static let architectures = ["llama"]
  let configuration: DecoderConfiguration
  let mixture: MixtureConfiguration?
  /// GGUF files hold the rows of q and k in the order that makes pairs neighbours; other checkpoints do not.
  private let pairing: Rope.Pairing

  init(_ reader: ConfigurationReader) throws {
    configuration = try DecoderConfiguration(reader)
    mixture = try MixtureConfiguration(reader, configuration, normalizesWeights: true)
    pairing = try reader.word("rope.pairing") == "halves" ? .halves : .interleaved
  }

  var moduleNames: ModuleNames {
    if mixture == nil { return ModuleNames() }
    return ModuleNames(stems: [
      .router: "block_sparse_moe.gate", .experts: "block_sparse_moe.experts",
      .expertGate: "block_sparse_moe.experts.*.w1", .expertUp: "block_sparse_moe.experts.*.w3",
      .expertDown: "block_sparse_moe.experts.*.w2",
    ])
  }

  var moduleClasses: ModuleClasses {
    mixture == nil
      ? ModuleClasses("llama", prefix: "Llama")
      : ModuleClasses("mixtral", prefix: "Mixtral", expert: "BlockSparseTop2MLP")
  }

  func build(_ g: inout GraphBuilder) {
    let c = configuration
    g.decoder(c) { g, h in
      attention(&g, h)
    } feedForward: { g, h in
      if let mixture { g.mixture(h, c, mixture) } else { g.feedForward(h, c) }
    }
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
}
