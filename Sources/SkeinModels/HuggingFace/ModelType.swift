/// The `model_type` values that are known, each with the architecture whose family computes it.
enum ModelType: String, CaseIterable {
  case llama, mistral, mixtral, qwen2, qwen3
  case qwen2MoE = "qwen2_moe"
  case qwen3MoE = "qwen3_moe"
  case deepseekV2 = "deepseek_v2"
  case deepseekV3 = "deepseek_v3"

  /// The value of `general.architecture` in GGUF files of such models.
  var architecture: String {
    switch self {
    case .llama, .mistral, .mixtral: "llama"
    case .qwen2: "qwen2"
    case .qwen3: "qwen3"
    case .qwen2MoE: "qwen2moe"
    case .qwen3MoE: "qwen3moe"
    case .deepseekV2, .deepseekV3: "deepseek2"
    }
  }

  /// The name in `architectures`, which very old files have without a `model_type`.
  var className: String {
    switch self {
    case .llama: "LlamaForCausalLM"
    case .mistral: "MistralForCausalLM"
    case .mixtral: "MixtralForCausalLM"
    case .qwen2: "Qwen2ForCausalLM"
    case .qwen3: "Qwen3ForCausalLM"
    case .qwen2MoE: "Qwen2MoeForCausalLM"
    case .qwen3MoE: "Qwen3MoeForCausalLM"
    case .deepseekV2: "DeepseekV2ForCausalLM"
    case .deepseekV3: "DeepseekV3ForCausalLM"
    }
  }

  /// Whether heads keep keys and values in compressed rows.
  var isLatent: Bool { self == .deepseekV2 || self == .deepseekV3 }

  /// Whether feed-forward networks are mixtures of experts.
  var isMixture: Bool {
    switch self {
    case .llama, .mistral, .qwen2, .qwen3: false
    case .mixtral, .qwen2MoE, .qwen3MoE, .deepseekV2, .deepseekV3: true
    }
  }
}
