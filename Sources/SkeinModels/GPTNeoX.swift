import SkeinGraph

/// GPT-NeoX and Pythia: norms by mean and variance, biases everywhere, a part of each head rotated, and attention and
/// feed-forward network side by side (arXiv 2204.06745).
struct GPTNeoX: Family {
  static let architectures = ["gptneox"]
  let configuration: DecoderConfiguration
  let activation: Activation
  let isParallel: Bool

  init(_ reader: ConfigurationReader) throws {
    configuration = try DecoderConfiguration(reader)
    try reader.refuseExperts()
    activation = try reader.activation(.gelu)
    isParallel = try reader.flag("use_parallel_residual") ?? true
  }

  var moduleNames: ModuleNames {
    let fused = "attention.query_key_value"
    var names = ModuleNames(stems: [
      .tokenEmbedding: "embed_in", .query: fused, .key: fused, .value: fused, .attention: "attention",
      .selectedAttention: "attention", .queryRope: "attention.rotary_emb", .keyRope: "attention.rotary_emb",
      .attentionOutput: "attention.dense", .up: "mlp.dense_h_to_4h", .activation: "mlp.act",
      .down: "mlp.dense_4h_to_h", .outputNorm: "final_layer_norm", .head: "embed_out",
    ])
    names.base = "gpt_neox"
    return names
  }

  var moduleClasses: ModuleClasses {
    var classes = ModuleClasses("gpt_neox", prefix: "GPTNeoX")
    classes.layer = "Layer"
    classes.norm = nil
    classes.activation = ["transformers.activations.GELUActivation"]
    return classes
  }

  func fused(_ weight: WeightName) -> FusedRows? { configuration.fusedQueryKeyValue(weight.node.role) }

  func build(_ g: inout GraphBuilder) {
    let c = configuration
    g.decoder(c, DecoderShape(norm: .meanAndVariance, isParallel: isParallel)) { g, h in
      Qwen2.attention(&g, h, c)
    } feedForward: { g, h in
      g.plainFeedForward(h, c, activation)
    }
  }
}
