import SkeinGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Rotary embeddings: `rope_parameters` as newer files have it, or `rope_theta` and `rope_scaling`.
extension ConfigurationTranslation {
  mutating func translateRotation() throws {
    if type == .gpt2 { return }
    let parameters = try translateLayerRotations()
    let base = type == .mixtral || type.architecture == "gemma3" ? 1e6 : 1e4
    let own = try source.number("rope_theta", "rotary_emb_base")
    try set("rope.freq_base", parameters?.number("rope_theta") ?? own ?? base)
    // Checkpoints keep the order of rows of the paper; GGUF files of Llama have them in another.
    if architecture == "llama" { try set("rope.pairing", "halves") }
    guard let scaling = try parameters ?? source.object("rope_scaling") else { return }
    let kind = try scaling.string("rope_type", "type") ?? "default"
    switch kind {
    case "default", "dynamic":
      // A dynamic base grows only beyond the positions that the model was made for, which nothing here passes.
      return
    case "linear":
      try set("rope.scaling.type", "linear")
      try set("rope.scaling.factor", factor(scaling))
    case "llama3":
      try set("rope.scaling.type", "llama3")
      try set("rope.scaling.factor", factor(scaling))
      try set("rope.scaling.low_freq_factor", scaling.number("low_freq_factor") ?? 1)
      try set("rope.scaling.high_freq_factor", scaling.number("high_freq_factor") ?? 4)
      try set(
        "rope.scaling.original_context_length", scaling.requiredInteger("original_max_position_embeddings"))
    case "yarn":
      try translateYaRN(scaling)
    case "longrope" where type == .phi3, "su" where type == .phi3:
      try translateLongRope(scaling)
    default:
      throw scaling.error(
        .unsupported,
        "\"\(kind.prefix(40))\" is not supported; default, dynamic, linear, llama3, yarn and, in phi3, longrope are",
        at: "rope_type")
    }
  }

  private func factor(_ scaling: ConfigurationObject) throws -> Double {
    let factor = try scaling.number("factor") ?? 1
    guard factor >= 1 else { throw scaling.error(.invalidConfiguration, "is \(factor)", at: "factor") }
    return factor
  }

  private mutating func translateYaRN(_ scaling: ConfigurationObject) throws {
    let factor = try factor(scaling)
    // Whether the ramp begins and ends at whole pairs is a family's own.
    let rounds = type != .gptOSS
    if let truncates = try scaling.bool("truncate"), truncates != rounds {
      throw scaling.error(.unsupported, "is \(truncates), which is not supported here", at: "truncate")
    }
    try set("rope.scaling.type", "yarn")
    try set("rope.scaling.factor", factor)
    let original = try scaling.integer("original_max_position_embeddings")
    try set(
      "rope.scaling.original_context_length",
      original ?? source.requiredInteger("max_position_embeddings"))
    try set("rope.scaling.yarn_beta_fast", scaling.number("beta_fast"))
    try set("rope.scaling.yarn_beta_slow", scaling.number("beta_slow"))
    // Queries and keys are enlarged by `attention_factor`; GGUF files say it as a part of YaRN's own.
    func magnitude(_ multiplier: Double) -> Double {
      factor > 1 ? 0.1 * multiplier * log(factor) + 1 : 1
    }
    let all = try scaling.number("mscale_all_dim")
    if type.isLatent {
      // Enlarges the scores as a whole: the family's own business.
      try set("rope.scaling.yarn_log_multiplier", all.map { 0.1 * $0 })
      return
    }
    var attentionFactor = try scaling.number("attention_factor")
    if attentionFactor == nil, let all, let one = try scaling.number("mscale"), all != 0, one != 0 {
      attentionFactor = magnitude(one) / magnitude(all)
    }
    try set("rope.scaling.attn_factor", attentionFactor.map { $0 / magnitude(1) })
  }
}
