import SkeinGraph

/// gpt-oss: a mixture of experts with biases, sinks in the softmax of attention, and a window in every other layer
/// (arXiv 2508.10925).
struct GPTOSS: Family {
  static let architectures = ["gpt-oss"]
  private(set) var configuration: DecoderConfiguration
  private(set) var mixture: MixtureConfiguration
  let windows: LayerWindows
  /// Of gate and up; files do not say its numbers.
  let activation = Activation.clampedSwish(alpha: 1.702, limit: 7)

  init(_ reader: ConfigurationReader) throws {
    var c = try DecoderConfiguration(reader)
    mixture = try reader.requiredMixture(c, normalizesWeights: false)
    mixture.router.scoring = .softmaxOfChosen
    mixture.router.normalizesWeights = false
    windows = try LayerWindows(reader, c, period: 2)
    // The ends of YaRN's ramp are not rounded to whole pairs here.
    if case .yarn = c.ropeScaling {
      let rope = c.rope(heads: 1, pairing: .halves)
      let plain = Rope(
        headCount: 1, headWidth: rope.headWidth, dimensions: rope.dimensions, base: rope.base,
        pairing: .halves, scaling: .none)
      let factors = zip(plain.frequencies, rope.frequencies(roundsRamp: false)).map { $0 / $1 }
      c.ropeScaling = .factors(factors, magnitude: rope.magnitude)
    }
    configuration = c
  }

  var moduleNames: ModuleNames {
    var names = ModuleNames(stems: [
      .attentionSinks: "self_attn.sinks", .router: "mlp.router", .expertGate: "mlp.experts.gate_up_proj",
      .expertUp: "mlp.experts.gate_up_proj", .expertDown: "mlp.experts.down_proj",
    ])
    names.parameters.formUnion([.expertGate, .expertUp, .expertDown])
    return names
  }

  var moduleClasses: ModuleClasses {
    var classes = ModuleClasses("gpt_oss", prefix: "GptOss", mixture: "MLP")
    classes.router = "GptOssTopKRouter"
    classes.experts = "Experts"
    return classes
  }

  func build(_ g: inout GraphBuilder) {
    let c = configuration
    // Files call the norm before the experts by its place after attention.
    g.decoder(c, DecoderShape(feedForwardNorm: .postAttentionNorm)) { g, h in
      attention(&g, h)
    } feedForward: { g, h in
      var experts = mixture.experts
      experts.activation = activation
      return g.experts(h, g.expertRouter(h, .router, mixture.router), .experts, experts)
    }
  }

  private func attention(_ g: inout GraphBuilder, _ h: NodeID) -> NodeID {
    let c = configuration
    let q = g.linear(h, .query, width: c.headCount * c.keyWidth)
    let k = g.linear(h, .key, width: c.keyValueHeadCount * c.keyWidth)
    let v = g.linear(h, .value, width: c.keyValueHeadCount * c.valueWidth)
    return g.attention(
      g.rope(q, .queryRope, c.rope(heads: c.headCount, pairing: .halves)),
      g.rope(k, .keyRope, c.rope(heads: c.keyValueHeadCount, pairing: .halves)), v,
      headCount: c.headCount, keyValueHeadCount: c.keyValueHeadCount, window: windows.window(g.layer))
  }
}
