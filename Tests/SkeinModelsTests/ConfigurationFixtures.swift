/// Configurations of well-known models, with the values that their makers publish. Only what matters to the
/// shape is kept.
enum ConfigurationFixture: String, CaseIterable {
  case llama3_8B, mistral7B, qwen2_7B, qwen2_half, qwen3_8B, llama32_1B
  case mixtral8x7B, qwen15MoE, qwen2_57B, qwen3_30B, deepSeekV2, deepSeekV2Lite, deepSeekV3
  case gemma7B, gemma2_27B, gemma3_1B, gemma3_4B, phi3Mini, gpt2, gptNeoX20B, gptOSS20B

  /// Parameters, in billions, as the makers count them.
  var billions: Double {
    switch self {
    case .llama3_8B: 8.030
    case .mistral7B: 7.242
    case .qwen2_7B: 7.616
    case .qwen2_half: 0.494
    case .qwen3_8B: 8.191
    case .llama32_1B: 1.236
    case .mixtral8x7B: 46.703
    case .qwen15MoE: 14.316
    case .qwen2_57B: 57.41
    case .qwen3_30B: 30.532
    case .deepSeekV2: 235.741
    case .deepSeekV2Lite: 15.706
    case .deepSeekV3: 671.026
    case .gemma7B: 8.538
    case .gemma2_27B: 27.227
    case .gemma3_1B: 0.9999
    case .gemma3_4B: 3.880
    case .phi3Mini: 3.821
    case .gpt2: 0.1244
    case .gptNeoX20B: 20.555
    case .gptOSS20B: 20.915
    }
  }

  var json: String {
    switch self {
    case .mixtral8x7B, .qwen15MoE, .qwen2_57B, .qwen3_30B, .deepSeekV2, .deepSeekV2Lite, .deepSeekV3:
      mixtureJSON
    case .gemma7B, .gemma2_27B, .gemma3_1B, .gemma3_4B, .phi3Mini, .gpt2, .gptNeoX20B, .gptOSS20B:
      familyJSON
    case .llama3_8B:
      """
      {"architectures": ["LlamaForCausalLM"], "attention_bias": false, "bos_token_id": 128000,
       "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 14336,
       "max_position_embeddings": 8192, "model_type": "llama", "num_attention_heads": 32,
       "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "rope_scaling": null,
       "rope_theta": 500000.0, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
       "vocab_size": 128256}
      """
    case .mistral7B:
      """
      {"architectures": ["MistralForCausalLM"], "hidden_act": "silu", "hidden_size": 4096,
       "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mistral",
       "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
       "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096,
       "tie_word_embeddings": false, "vocab_size": 32000}
      """
    case .qwen2_7B:
      """
      {"architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 3584,
       "intermediate_size": 18944, "max_position_embeddings": 131072, "max_window_layers": 28,
       "model_type": "qwen2", "num_attention_heads": 28, "num_hidden_layers": 28,
       "num_key_value_heads": 4, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
       "sliding_window": 131072, "tie_word_embeddings": false, "use_sliding_window": false,
       "vocab_size": 152064}
      """
    case .qwen2_half:
      """
      {"architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 896,
       "intermediate_size": 4864, "max_position_embeddings": 131072, "max_window_layers": 24,
       "model_type": "qwen2", "num_attention_heads": 14, "num_hidden_layers": 24,
       "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
       "sliding_window": 131072, "tie_word_embeddings": true, "use_sliding_window": false,
       "vocab_size": 151936}
      """
    case .qwen3_8B:
      """
      {"architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "head_dim": 128,
       "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 12288,
       "max_position_embeddings": 40960, "max_window_layers": 36, "model_type": "qwen3",
       "num_attention_heads": 32, "num_hidden_layers": 36, "num_key_value_heads": 8,
       "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000, "sliding_window": null,
       "tie_word_embeddings": false, "use_sliding_window": false, "vocab_size": 151936}
      """
    case .llama32_1B:
      """
      {"architectures": ["LlamaForCausalLM"], "dtype": "bfloat16", "head_dim": 64, "hidden_act": "silu",
       "hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 131072,
       "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16,
       "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
       "rope_parameters": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
         "original_max_position_embeddings": 8192, "rope_theta": 500000.0, "rope_type": "llama3"},
       "tie_word_embeddings": true, "vocab_size": 128256}
      """
    }
  }
}
