import SkeinFiles
import SkeinGraph

/// Gemma, Phi-3, GPT-2, GPT-NeoX and gpt-oss: what they have beyond what most families share.
extension ConfigurationTranslation {
  /// Windows of some layers: a kind for each layer, or every how many layers there is one without.
  mutating func translateLayerWindows(_ window: Int?) throws {
    guard let window, window > 0 else { return }
    try set("attention.sliding_window", min(window, Int(Int32.max)))
    guard let kinds = try source.strings("layer_types") else {
      let period = try source.integer("sliding_window_pattern", "_sliding_window_pattern")
      return try set("attention.sliding_window_pattern", period)
    }
    let known = ["sliding_attention", "full_attention"]
    if let other = kinds.first(where: { !known.contains($0) }) {
      throw source.error(
        .unsupported, "\"\(other.prefix(40))\" is not supported; \(known.joined(separator: " and ")) are",
        at: "layer_types")
    }
    try set("attention.sliding_window_pattern", kinds.map { $0 == "sliding_attention" ? 1 : 0 })
  }

  /// Biases, and gpt-oss's sinks.
  mutating func translateBiases() throws {
    let hasAttentionBias = try source.bool("attention_bias") ?? false
    switch type {
    case .gpt2, .gptNeoX:
      weights.biases = [.attentionNorm, .feedForwardNorm, .outputNorm, .up, .down]
      if type == .gpt2 || hasAttentionBias {
        weights.biases.formUnion([.queryKeyValue, .attentionOutput])
      }
    case .gptOSS:
      weights.biases = [.expertGate, .expertUp, .expertDown]
      weights.hasLogitBias = true
      weights.hasSinks = true
      if hasAttentionBias { weights.biases.formUnion([.query, .key, .value, .attentionOutput]) }
    default:
      if hasAttentionBias { weights.biases = [.query, .key, .value, .attentionOutput] }
    }
  }

  /// Scales and caps of scores and logits, and the order of blocks; refuses what no family here computes.
  mutating func translateCaps() throws {
    switch type {
    case .gemma2, .gemma3, .gemma3Text:
      if let scalar = try source.number("query_pre_attn_scalar") {
        guard scalar > 0 else {
          throw source.error(.invalidConfiguration, "is \(scalar)", at: "query_pre_attn_scalar")
        }
        try set("attention.scale", 1 / scalar.squareRoot())
      }
      try set("attn_logit_softcapping", source.number("attn_logit_softcapping"))
      try set("final_logit_softcapping", source.number("final_logit_softcapping"))
    case .gptNeoX:
      try set("use_parallel_residual", source.bool("use_parallel_residual") ?? true)
    default: break
    }
    let refused = [
      ("use_bidirectional_attention", true), ("scale_attn_by_inverse_layer_idx", true),
      ("scale_attn_weights", false), ("add_cross_attention", true),
    ]
    for (key, value) in refused where try source.bool(key) == value {
      throw source.error(.unsupported, "is \(value), which is not supported", at: key)
    }
    for (key, usual) in [("swiglu_limit", 7.0), ("swiglu_alpha", 1.702)] {
      if let value = try source.number(key), value != usual {
        throw source.error(.unsupported, "is \(value); \(usual) is supported", at: key)
      }
    }
  }

  /// Gemma 3's rotations: one for layers with a window, one for the others. Newer files have an object for each kind
  /// of layer, older ones a second base.
  mutating func translateLayerRotations() throws -> ConfigurationObject? {
    guard type.architecture == "gemma3" else { return try source.object("rope_parameters") }
    let both = try source.object("rope_parameters")
    let local = try both?.object("sliding_attention")
    try set(
      "rope.freq_base_swa", local?.number("rope_theta") ?? source.number("rope_local_base_freq") ?? 10_000)
    if let kind = try local?.string("rope_type", "type"), kind != "default" {
      throw local!.error(.unsupported, "\"\(kind.prefix(40))\" is not supported here", at: "rope_type")
    }
    return try both?.object("full_attention")
  }

  /// A factor for each frequency: those for the length that the model was first trained for, and those for more.
  mutating func translateLongRope(_ scaling: ConfigurationObject) throws {
    let context = try contextLength()
    let original =
      try scaling.integer("original_max_position_embeddings")
      ?? source.requiredInteger("original_max_position_embeddings")
    guard (1...ConfigurationReader.largestContext).contains(original) else {
      throw scaling.error(.invalidConfiguration, "is \(original)", at: "original_max_position_embeddings")
    }
    try set("rope.scaling.original_context_length", original)
    let magnitude =
      try scaling.number("attention_factor")
      ?? Double(Phi3.magnitude(original: original, context: min(context, ConfigurationReader.largestContext)))
    try set("rope.scaling.attn_factor", magnitude)
    for name in ["long", "short"] {
      guard let factors = try scaling.numbers(name + "_factor") else {
        throw scaling.error(.invalidConfiguration, "is needed and not there", at: name + "_factor")
      }
      weights.vectors["rope_factors_\(name).weight"] = factors.map { Float($0) }
    }
  }
}
