extension ConfigurationFixture {
  /// The configurations of mixtures of experts.
  var mixtureJSON: String {
    switch self {
    case .mixtral8x7B:
      """
      {"architectures": ["MixtralForCausalLM"], "hidden_act": "silu", "hidden_size": 4096,
       "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mixtral",
       "num_attention_heads": 32, "num_experts_per_tok": 2, "num_hidden_layers": 32,
       "num_key_value_heads": 8, "num_local_experts": 8, "rms_norm_eps": 1e-05, "rope_theta": 1000000.0,
       "sliding_window": null, "tie_word_embeddings": false, "vocab_size": 32000}
      """
    case .qwen15MoE:
      """
      {"architectures": ["Qwen2MoeForCausalLM"], "decoder_sparse_step": 1, "hidden_act": "silu",
       "hidden_size": 2048, "intermediate_size": 5632, "max_position_embeddings": 8192,
       "max_window_layers": 21, "model_type": "qwen2_moe", "moe_intermediate_size": 1408,
       "norm_topk_prob": false, "num_attention_heads": 16, "num_experts": 60, "num_experts_per_tok": 4,
       "num_hidden_layers": 24, "num_key_value_heads": 16, "rms_norm_eps": 1e-06,
       "rope_theta": 1000000.0, "shared_expert_intermediate_size": 5632, "sliding_window": 32768,
       "tie_word_embeddings": false, "use_sliding_window": false, "vocab_size": 151936}
      """
    case .qwen2_57B:
      """
      {"architectures": ["Qwen2MoeForCausalLM"], "decoder_sparse_step": 1, "hidden_act": "silu",
       "hidden_size": 3584, "intermediate_size": 18944, "max_position_embeddings": 32768,
       "max_window_layers": 28, "mlp_only_layers": [], "model_type": "qwen2_moe",
       "moe_intermediate_size": 2560, "norm_topk_prob": false, "num_attention_heads": 28,
       "num_experts": 64, "num_experts_per_tok": 8, "num_hidden_layers": 28, "num_key_value_heads": 4,
       "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "shared_expert_intermediate_size": 20480,
       "sliding_window": 65536, "tie_word_embeddings": false, "use_sliding_window": false,
       "vocab_size": 151936}
      """
    case .qwen3_30B:
      """
      {"architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false, "decoder_sparse_step": 1,
       "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 6144,
       "max_position_embeddings": 40960, "max_window_layers": 48, "mlp_only_layers": [],
       "model_type": "qwen3_moe", "moe_intermediate_size": 768, "norm_topk_prob": true,
       "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
       "num_key_value_heads": 4, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000.0,
       "sliding_window": null, "tie_word_embeddings": false, "use_sliding_window": false,
       "vocab_size": 151936}
      """
    case .deepSeekV2:
      """
      {"architectures": ["DeepseekV2ForCausalLM"], "attention_bias": false, "first_k_dense_replace": 1,
       "hidden_act": "silu", "hidden_size": 5120, "intermediate_size": 12288, "kv_lora_rank": 512,
       "max_position_embeddings": 163840, "model_type": "deepseek_v2", "moe_intermediate_size": 1536,
       "moe_layer_freq": 1, "n_group": 8, "n_routed_experts": 160, "n_shared_experts": 2,
       "norm_topk_prob": false, "num_attention_heads": 128, "num_experts_per_tok": 6,
       "num_hidden_layers": 60, "num_key_value_heads": 128, "q_lora_rank": 1536,
       "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-06,
       "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 0.707,
         "mscale_all_dim": 0.707, "original_max_position_embeddings": 4096, "type": "yarn"},
       "rope_theta": 10000, "routed_scaling_factor": 16.0, "scoring_func": "softmax",
       "tie_word_embeddings": false, "topk_group": 3, "topk_method": "group_limited_greedy",
       "v_head_dim": 128, "vocab_size": 102400}
      """
    case .deepSeekV2Lite:
      """
      {"architectures": ["DeepseekV2ForCausalLM"], "attention_bias": false, "first_k_dense_replace": 1,
       "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 10944, "kv_lora_rank": 512,
       "max_position_embeddings": 163840, "model_type": "deepseek_v2", "moe_intermediate_size": 1408,
       "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 64, "n_shared_experts": 2,
       "norm_topk_prob": false, "num_attention_heads": 16, "num_experts_per_tok": 6,
       "num_hidden_layers": 27, "num_key_value_heads": 16, "q_lora_rank": null,
       "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-06,
       "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 0.707,
         "mscale_all_dim": 0.707, "original_max_position_embeddings": 4096, "type": "yarn"},
       "rope_theta": 10000, "routed_scaling_factor": 1.0, "scoring_func": "softmax",
       "tie_word_embeddings": false, "topk_group": 1, "topk_method": "greedy",
       "v_head_dim": 128, "vocab_size": 102400}
      """
    case .deepSeekV3:
      """
      {"architectures": ["DeepseekV3ForCausalLM"], "attention_bias": false, "first_k_dense_replace": 3,
       "hidden_act": "silu", "hidden_size": 7168, "intermediate_size": 18432, "kv_lora_rank": 512,
       "max_position_embeddings": 163840, "model_type": "deepseek_v3", "moe_intermediate_size": 2048,
       "moe_layer_freq": 1, "n_group": 8, "n_routed_experts": 256, "n_shared_experts": 1,
       "norm_topk_prob": true, "num_attention_heads": 128, "num_experts_per_tok": 8,
       "num_hidden_layers": 61, "num_key_value_heads": 128, "num_nextn_predict_layers": 1,
       "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-06,
       "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0,
         "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096, "type": "yarn"},
       "rope_theta": 10000, "routed_scaling_factor": 2.5, "scoring_func": "sigmoid",
       "tie_word_embeddings": false, "topk_group": 4, "topk_method": "noaux_tc",
       "v_head_dim": 128, "vocab_size": 129280}
      """
    default:
      "{}"
    }
  }
}
