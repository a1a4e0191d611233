import SkeinJSON

/// The `model_type` values that are known, each with the architecture whose family computes it.
enum ModelType: String, CaseIterable {
  case llama, mistral, mixtral, qwen2, qwen3
  case qwen2MoE = "qwen2_moe"
  case qwen3MoE = "qwen3_moe"
  case deepseekV2 = "deepseek_v2"
  case deepseekV3 = "deepseek_v3"
  case gemma, gemma2, gemma3, phi3, gpt2
  case gemma3Text = "gemma3_text"
  case gptNeoX = "gpt_neox"
  case gptOSS = "gpt_oss"

  /// The value of `general.architecture` in GGUF files of such models.
  var architecture: String {
    switch self {
    case .llama, .mistral, .mixtral: "llama"
    case .qwen2: "qwen2"
    case .qwen3: "qwen3"
    case .qwen2MoE: "qwen2moe"
    case .qwen3MoE: "qwen3moe"
    case .deepseekV2, .deepseekV3: "deepseek2"
    case .gemma: "gemma"
    case .gemma2: "gemma2"
    case .gemma3, .gemma3Text: "gemma3"
    case .phi3: "phi3"
    case .gpt2: "gpt2"
    case .gptNeoX: "gptneox"
    case .gptOSS: "gpt-oss"
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
    case .gemma: "GemmaForCausalLM"
    case .gemma2: "Gemma2ForCausalLM"
    case .gemma3: "Gemma3ForConditionalGeneration"
    case .gemma3Text: "Gemma3ForCausalLM"
    case .phi3: "Phi3ForCausalLM"
    case .gpt2: "GPT2LMHeadModel"
    case .gptNeoX: "GPTNeoXForCausalLM"
    case .gptOSS: "GptOssForCausalLM"
    }
  }

  /// Whether heads keep keys and values in compressed rows.
  var isLatent: Bool { self == .deepseekV2 || self == .deepseekV3 }

  /// Whether feed-forward networks are mixtures of experts.
  var isMixture: Bool {
    switch self {
    case .llama, .mistral, .qwen2, .qwen3: false
    case .gemma, .gemma2, .gemma3, .gemma3Text, .phi3, .gpt2, .gptNeoX: false
    case .mixtral, .qwen2MoE, .qwen3MoE, .deepseekV2, .deepseekV3, .gptOSS: true
    }
  }

  /// What `transformers` takes for keys that files of the type leave out.
  var defaults: [String: JSONValue] {
    switch self {
    case .gemma:
      ["tie_word_embeddings": .bool(true), "head_dim": .integer(256)]
    case .gemma2:
      [
        "tie_word_embeddings": .bool(true), "head_dim": .integer(256), "sliding_window": .integer(4096),
        "sliding_window_pattern": .integer(2), "query_pre_attn_scalar": .integer(256),
        "attn_logit_softcapping": .number(50), "final_logit_softcapping": .number(30),
      ]
    case .gemma3, .gemma3Text:
      [
        "tie_word_embeddings": .bool(true), "head_dim": .integer(256), "sliding_window": .integer(4096),
        "sliding_window_pattern": .integer(6), "query_pre_attn_scalar": .integer(256),
        "vocab_size": .integer(262_208), "num_attention_heads": .integer(8),
        "num_key_value_heads": .integer(4), "max_position_embeddings": .integer(131_072),
      ]
    case .gpt2:
      ["tie_word_embeddings": .bool(true), "layer_norm_epsilon": .number(1e-5)]
    case .gptNeoX:
      ["rotary_pct": .number(0.25), "layer_norm_eps": .number(1e-5), "attention_bias": .bool(true)]
    case .gptOSS:
      [
        "head_dim": .integer(64), "sliding_window": .integer(128), "sliding_window_pattern": .integer(2),
        "rms_norm_eps": .number(1e-5), "rope_theta": .number(150_000), "attention_bias": .bool(true),
      ]
    default: [:]
    }
  }

  /// The activation where the file names none.
  var usualActivation: String {
    switch self {
    case .gemma, .gemma2, .gemma3, .gemma3Text: "gelu_pytorch_tanh"
    case .gpt2: "gelu_new"
    case .gptNeoX: "gelu"
    default: "silu"
    }
  }
}
