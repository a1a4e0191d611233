import SkeinGraph
import SkeinModels
import SkeinPlanner
import SkeinTestSupport

/// Models by their configuration, as deep as the real ones and narrow, since rules care for names only.
enum RuleModel: String, CaseIterable {
  case llama, mixtral, deepSeekV2, deepSeekV2Lite, deepSeekV3, qwen3Moe

  /// The names that fixtures and scripts call it by.
  var name: String {
    switch self {
    case .llama: "llama"
    case .mixtral: "mixtral"
    case .deepSeekV2: "deepseek_v2"
    case .deepSeekV2Lite: "deepseek_v2_lite"
    case .deepSeekV3: "deepseek_v3"
    case .qwen3Moe: "qwen3_moe"
    }
  }

  private var json: String {
    let common = """
      "hidden_size": 256, "intermediate_size": 64, "max_position_embeddings": 4096, "rms_norm_eps": 1e-6,
      "vocab_size": 100, "hidden_act": "silu"
      """
    let latent = """
      "kv_lora_rank": 64, "qk_rope_head_dim": 16, "qk_nope_head_dim": 16, "v_head_dim": 16,
      "num_attention_heads": 4, "num_key_value_heads": 4, "moe_intermediate_size": 32, "moe_layer_freq": 1,
      "num_experts_per_tok": 6, "routed_scaling_factor": 1.0, "rope_theta": 10000,
      "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096,
        "beta_fast": 32, "beta_slow": 1, "mscale": 0.707, "mscale_all_dim": 0.707}
      """
    switch self {
    case .llama:
      return """
        {"model_type": "llama", "num_hidden_layers": 16, "num_attention_heads": 8, \(common)}
        """
    case .mixtral:
      return """
        {"model_type": "mixtral", "num_hidden_layers": 32, "num_attention_heads": 8, "num_key_value_heads": 4,
         "num_local_experts": 8, "num_experts_per_tok": 2, "rope_theta": 1e6, \(common)}
        """
    case .deepSeekV2:
      return """
        {"model_type": "deepseek_v2", "num_hidden_layers": 60, "n_routed_experts": 160, "n_shared_experts": 2,
         "q_lora_rank": 1536, "first_k_dense_replace": 1, "n_group": 8, "topk_group": 3,
         "topk_method": "group_limited_greedy", "scoring_func": "softmax", \(latent), \(common)}
        """
    case .deepSeekV2Lite:
      return """
        {"model_type": "deepseek_v2", "num_hidden_layers": 27, "n_routed_experts": 64, "n_shared_experts": 2,
         "q_lora_rank": null, "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1,
         "topk_method": "greedy", "scoring_func": "softmax", \(latent), \(common)}
        """
    case .deepSeekV3:
      return """
        {"model_type": "deepseek_v3", "num_hidden_layers": 61, "n_routed_experts": 256, "n_shared_experts": 1,
         "q_lora_rank": 1536, "first_k_dense_replace": 3, "n_group": 8, "topk_group": 4,
         "topk_method": "noaux_tc", "scoring_func": "sigmoid", "norm_topk_prob": true, \(latent), \(common)}
        """
    case .qwen3Moe:
      return """
        {"model_type": "qwen3_moe", "num_hidden_layers": 48, "num_attention_heads": 8,
         "num_key_value_heads": 4, "head_dim": 32, "num_experts": 128, "num_experts_per_tok": 8,
         "moe_intermediate_size": 32, "norm_topk_prob": true, "decoder_sparse_step": 1,
         "mlp_only_layers": [], "rope_theta": 1e6, \(common)}
        """
    }
  }

  /// The model.
  func description() throws -> ConfiguredModel {
    let folder = TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let path = folder.write("config.json", Array(json.utf8))
    return try ConfiguredModel(path: path, weights: .elementType(.f16))
  }

  /// What rules for it are resolved against.
  func context(
    devices: [String]? = nil, default device: String? = nil
  ) throws -> PlacementContext {
    PlacementContext(
      modules: try description().modules, knownDevices: devices.map { $0.map { DeviceID($0) } },
      defaultDevice: device.map { DeviceID($0) })
  }
}

extension Placement {
  /// The device of a node by its name, `layers.3.query`; `-` where it is split or nowhere.
  func deviceName(_ node: String, in graph: Graph) -> String {
    guard let id = graph.nodes.first(where: { $0.name.description == node })?.id, let index = device(of: id)
    else { return "-" }
    return devices[index].name
  }
}
