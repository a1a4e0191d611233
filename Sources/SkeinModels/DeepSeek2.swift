import SkeinGraph

/// DeepSeek-V2, V3 and R1: latent attention, and mixtures of many small experts beside shared ones.
///
/// arXiv 2405.04434 (V2) and 2412.19437 (V3). V3 scores experts by sigmoids, with a bias for choosing only; all
/// that differs is in the file's keys and tensors.
struct DeepSeek2: Family {
  static let architectures = ["deepseek2"]
  private(set) var configuration: DecoderConfiguration
  let mixture: MixtureConfiguration?
  /// Values a token between the two matrices of the queries; nil where there is one matrix.
  let queryRank: Int?
  let heads: LatentHeads
  let attentionScale: Float

  init(_ reader: ConfigurationReader) throws {
    var c = try DecoderConfiguration(reader)
    mixture = try MixtureConfiguration(reader, c, normalizesWeights: false)
    let rank = try reader.optionalSize("attention.q_lora_rank") ?? 0
    queryRank = rank > 0 ? rank : nil
    // Files for a compressed cache give the widths of its rows, and those of the heads under other names.
    c.keyWidth = try reader.optionalSize("attention.key_length_mla") ?? c.keyWidth
    c.valueWidth = try reader.optionalSize("attention.value_length_mla") ?? c.valueWidth
    guard c.keyWidth > c.ropeDimensions, c.valueWidth > 0 else {
      throw reader.error(
        .invalidConfiguration, "is \(c.keyWidth), must be more than the \(c.ropeDimensions) that are rotated",
        at: "attention.key_length")
    }
    heads = LatentHeads(
      headCount: c.headCount, rank: try reader.size("attention.kv_lora_rank"),
      plainWidth: c.keyWidth - c.ropeDimensions, ropeWidth: c.ropeDimensions, valueWidth: c.valueWidth)
    // YaRN makes scores larger here, with a factor of the family's own, and not the rotated values.
    var scale = 1 / Float(c.keyWidth).squareRoot()
    if case .yarn(let factor, let original, let fast, let slow, _) = c.ropeScaling {
      let multiplier = try reader.number("rope.scaling.yarn_log_multiplier") ?? 0
      let magnitude = Rope.yarnMagnitude(factor: factor, multiplier: multiplier)
      scale *= magnitude * magnitude
      c.ropeScaling = .yarn(
        factor: factor, originalContext: original, betaFast: fast, betaSlow: slow, attentionFactor: 1)
    }
    attentionScale = scale
    configuration = c
  }

  var moduleClasses: ModuleClasses {
    let isV3 = mixture?.router.scoring == .sigmoid
    var rotation = ["RotaryEmbedding"]
    if case .yarn = configuration.ropeScaling { rotation.insert("YarnRotaryEmbedding", at: 0) }
    return ModuleClasses(
      isV3 ? "deepseek_v3" : "deepseek_v2", prefix: isV3 ? "DeepseekV3" : "DeepseekV2", mixture: "MoE",
      router: "MoEGate", rotation: rotation, ktransformersName: isV3 ? nil : "deepseek")
  }

  func build(_ g: inout GraphBuilder) {
    let c = configuration
    g.decoder(c) { g, h in
      attention(&g, h)
    } feedForward: { g, h in
      if let mixture { g.mixture(h, c, mixture) } else { g.feedForward(h, c) }
    }
  }

  /// Of the norms of compressed queries, keys and values, whatever the configuration says of the others: so the
  /// models' own code has it. With 1e-5 logits are off by 1e-5.
  private static let latentEpsilon: Float = 1e-6

  private func attention(_ g: inout GraphBuilder, _ h: NodeID) -> NodeID {
    let queryWidth = heads.headCount * heads.keyWidth
    var q = h
    if let queryRank {
      q = g.rmsNorm(g.linear(h, .queryDown, width: queryRank), .queryDownNorm, epsilon: Self.latentEpsilon)
      q = g.linear(q, .queryUp, width: queryWidth)
    } else {
      q = g.linear(h, .query, width: queryWidth)
    }
    // The first `rank` values are normalized, the others rotated.
    let latent = g.rmsNorm(
      g.linear(h, .keyValueDown, width: heads.latentWidth), .keyValueNorm, epsilon: Self.latentEpsilon,
      passedWidth: heads.ropeWidth)
    return g.latentAttention(
      g.rope(q, .queryRope, rope(heads: heads.headCount, headWidth: heads.keyWidth)),
      g.rope(latent, .keyRope, rope(heads: 1, headWidth: heads.latentWidth)), heads, scale: attentionScale)
  }

  /// A rotation of the last values of each head.
  private func rope(heads: Int, headWidth: Int) -> Rope {
    var rope = configuration.rope(heads: heads, pairing: .interleaved)
    rope.headWidth = headWidth
    rope.first = headWidth - rope.dimensions
    return rope
  }
}
