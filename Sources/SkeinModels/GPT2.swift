import SkeinGraph

/// GPT-2: learned positions in place of rotations, norms by mean and variance, biases everywhere, a feed-forward network
/// without a gate (Radford et al., 2019).
struct GPT2: Family {
  static let architectures = ["gpt2"]
  private(set) var configuration: DecoderConfiguration
  let activation: Activation
  /// Rows of the table of positions.
  let positionCount: Int

  init(_ reader: ConfigurationReader) throws {
    var c = try DecoderConfiguration(reader)
    try reader.refuseExperts()
    activation = try reader.activation(.geluTanh)
    positionCount = try reader.rows(of: WeightName(NodeName(.positionEmbedding)))
    c.contextLength = min(c.contextLength, positionCount)
    configuration = c
  }

  var moduleNames: ModuleNames {
    var names = ModuleNames(stems: [
      .tokenEmbedding: "wte", .positionEmbedding: "wpe", .attentionNorm: "ln_1", .query: "attn.c_attn",
      .key: "attn.c_attn", .value: "attn.c_attn", .attention: "attn", .selectedAttention: "attn",
      .attentionOutput: "attn.c_proj", .feedForwardNorm: "ln_2", .up: "mlp.c_fc", .activation: "mlp.act",
      .down: "mlp.c_proj", .outputNorm: "ln_f",
    ])
    names.base = "transformer"
    names.layers = "h"
    return names
  }

  var moduleClasses: ModuleClasses {
    var classes = ModuleClasses("gpt2", prefix: "GPT2", rotation: [])
    classes.model = "LMHeadModel"
    classes.layer = "Block"
    classes.norm = nil
    classes.activation = [
      "transformers.activations." + (activation == .geluTanh ? "NewGELUActivation" : "GELUActivation")
    ]
    classes.linear = ["transformers.pytorch_utils.Conv1D"]
    return classes
  }

  func fused(_ weight: WeightName) -> FusedRows? { configuration.fusedQueryKeyValue(weight.node.role) }

  func build(_ g: inout GraphBuilder) {
    let c = configuration
    let shape = DecoderShape(positionCount: positionCount, norm: .meanAndVariance)
    g.decoder(c, shape) { g, h in
      let q = g.linear(h, .query, width: c.headCount * c.keyWidth)
      let k = g.linear(h, .key, width: c.keyValueHeadCount * c.keyWidth)
      let v = g.linear(h, .value, width: c.keyValueHeadCount * c.valueWidth)
      return g.attention(q, k, v, headCount: c.headCount, keyValueHeadCount: c.keyValueHeadCount)
    } feedForward: { g, h in
      g.plainFeedForward(h, c, activation)
    }
  }
}
