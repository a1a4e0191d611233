import SkeinGraph

/// Mixtures of experts.
extension ConfigurationTranslation {
  mutating func translateExperts() throws {
    let experts = try source.requiredInteger("num_local_experts", "num_experts", "n_routed_experts")
    try set("expert_count", experts)
    try set("expert_used_count", source.requiredInteger("num_experts_per_tok", "experts_per_token"))
    let inner = try source.integer("moe_intermediate_size")
    let layers = 0..<min(try layerCount(), ConfiguredInventory.mostLayers)
    weights.absent.formUnion([.sharedGate, .sharedUp, .sharedDown, .sharedRouter])
    switch type {
    case .llama, .mistral, .qwen2, .qwen3, .mixtral, .gptOSS, .gemma, .gemma2, .gemma3, .gemma3Text, .phi3,
      .gpt2, .gptNeoX:
      weights.denseLayers = []
    case .qwen2MoE, .qwen3MoE:
      try set("expert_feed_forward_length", inner ?? source.requiredInteger("moe_intermediate_size"))
      if type == .qwen2MoE {
        try addSharedExpert(width: source.requiredInteger("shared_expert_intermediate_size"))
        weights.absent.remove(.sharedRouter)
      }
      try set("expert_weights_norm", source.bool("norm_topk_prob") ?? false)
      let step = try step("decoder_sparse_step")
      let dense = Set(try source.array("mlp_only_layers") ?? [])
      weights.denseLayers = Set(layers.filter { ($0 + 1) % step != 0 || dense.contains(.integer($0)) })
    case .deepseekV2, .deepseekV3:
      let width = try inner ?? source.requiredInteger("moe_intermediate_size")
      try set("expert_feed_forward_length", width)
      try translateDeepSeekExperts(width: width)
      let step = try step("moe_layer_freq")
      let first = try source.integer("first_k_dense_replace") ?? 0
      weights.denseLayers = Set(layers.filter { $0 < first || $0 % step != 0 })
    }
  }

  /// Every how many layers there is a mixture.
  private func step(_ key: String) throws -> Int {
    let step = try source.integer(key) ?? 1
    guard step > 0 else { throw source.error(.invalidConfiguration, "must be above zero", at: key) }
    return step
  }

  /// The network that all tokens go through, beside the experts.
  private mutating func addSharedExpert(width: Int) throws {
    try set("expert_shared_feed_forward_length", width)
    if width == 0 { return }
    weights.rowCounts[.sharedGate] = width
    weights.absent.subtract([.sharedGate, .sharedUp, .sharedDown])
  }

  private mutating func translateDeepSeekExperts(width: Int) throws {
    let shared = try source.integer("n_shared_experts") ?? 0
    for (key, size) in [("n_shared_experts", shared), ("moe_intermediate_size", width)]
    where size > ConfigurationReader.largestWidth {
      throw source.error(.invalidConfiguration, "is \(size)", at: key)
    }
    try set("expert_shared_count", shared)
    try addSharedExpert(width: shared * width)
    let isThree = type == .deepseekV3
    try set("expert_weights_scale", source.number("routed_scaling_factor") ?? (isThree ? 2.5 : 1))
    try set("expert_weights_norm", source.bool("norm_topk_prob") ?? isThree)
    // The numbers of GGUF: 1 is softmax, 2 is sigmoid.
    let scoring = try source.string("scoring_func") ?? (isThree ? "sigmoid" : "softmax")
    guard let number = ["softmax": 1, "sigmoid": 2][scoring] else {
      throw source.error(
        .unsupported, "\"\(scoring.prefix(40))\" is not supported; softmax and sigmoid are",
        at: "scoring_func")
    }
    try set("expert_gating_func", number)
    let method = try source.string("topk_method") ?? (isThree ? "noaux_tc" : "greedy")
    // The bias is added to the scores for choosing only.
    if method == "noaux_tc" { weights.biases.insert(.router) }
    switch method {
    case "greedy":
      break
    case "group_limited_greedy", "noaux_tc":
      try set("expert_group_count", source.integer("n_group") ?? 1)
      try set("expert_group_used_count", source.integer("topk_group") ?? 1)
    default:
      throw source.error(
        .unsupported,
        "\"\(method.prefix(40))\" is not supported; greedy, group_limited_greedy and noaux_tc are",
        at: "topk_method")
    }
  }

  /// Multi-head latent attention.
  mutating func translateLatentHeads(heads: Int) throws {
    let rank = try source.requiredInteger("kv_lora_rank")
    let plain = try source.requiredInteger("qk_nope_head_dim")
    let rotated = try source.requiredInteger("qk_rope_head_dim")
    let value = try source.requiredInteger("v_head_dim")
    for size in [rank, plain, rotated, value] where size > ConfigurationReader.largestWidth {
      throw source.error(.invalidConfiguration, "has heads of \(size) values", at: "kv_lora_rank")
    }
    try set("attention.q_lora_rank", source.integer("q_lora_rank"))
    try set("attention.kv_lora_rank", rank)
    // As files since April 2025: one head of compressed rows is what is cached.
    try set("attention.head_count_kv", 1)
    try set("attention.key_length", rank + rotated)
    try set("attention.value_length", rank)
    try set("attention.key_length_mla", plain + rotated)
    try set("attention.value_length_mla", value)
    try set("rope.dimension_count", rotated)
  }
}
