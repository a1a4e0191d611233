extension ConfigurationFixture {
  /// Gemma, Phi-3, GPT-2, GPT-NeoX and gpt-oss.
  var familyJSON: String {
    switch self {
    case .gemma7B:
      """
      {"architectures": ["GemmaForCausalLM"], "head_dim": 256, "hidden_act": "gelu", "hidden_size": 3072,
       "intermediate_size": 24576, "max_position_embeddings": 8192, "model_type": "gemma",
       "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 16, "rms_norm_eps": 1e-06,
       "rope_theta": 10000.0, "torch_dtype": "bfloat16", "vocab_size": 256000}
      """
    case .gemma2_27B:
      """
      {"architectures": ["Gemma2ForCausalLM"], "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
       "head_dim": 128, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 4608,
       "intermediate_size": 36864, "max_position_embeddings": 8192, "model_type": "gemma2",
       "num_attention_heads": 32, "num_hidden_layers": 46, "num_key_value_heads": 16,
       "query_pre_attn_scalar": 144, "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "sliding_window": 4096,
       "torch_dtype": "float32", "vocab_size": 256000}
      """
    case .gemma3_1B:
      """
      {"architectures": ["Gemma3ForCausalLM"], "attn_logit_softcapping": null, "final_logit_softcapping": null,
       "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152,
       "intermediate_size": 6912, "max_position_embeddings": 32768, "model_type": "gemma3_text",
       "num_attention_heads": 4, "num_hidden_layers": 26, "num_key_value_heads": 1,
       "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000,
       "rope_scaling": null, "rope_theta": 1000000, "sliding_window": 512, "sliding_window_pattern": 6,
       "torch_dtype": "bfloat16", "vocab_size": 262144}
      """
    case .gemma3_4B:
      """
      {"architectures": ["Gemma3ForConditionalGeneration"], "mm_tokens_per_image": 256, "model_type": "gemma3",
       "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text",
        "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        "sliding_window": 1024}, "torch_dtype": "bfloat16", "vision_config": {"hidden_size": 1152}}
      """
    case .phi3Mini:
      """
      {"architectures": ["Phi3ForCausalLM"], "attention_bias": false, "hidden_act": "silu", "hidden_size": 3072,
       "intermediate_size": 8192, "max_position_embeddings": 4096, "model_type": "phi3",
       "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
       "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-05, "rope_scaling": null,
       "rope_theta": 10000.0, "sliding_window": 2047, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
       "vocab_size": 32064}
      """
    case .gpt2:
      """
      {"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "layer_norm_epsilon": 1e-05,
       "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024,
       "vocab_size": 50257}
      """
    case .gptNeoX20B:
      """
      {"architectures": ["GPTNeoXForCausalLM"], "hidden_act": "gelu_fast", "hidden_size": 6144,
       "intermediate_size": 24576, "layer_norm_eps": 1e-05, "max_position_embeddings": 2048,
       "model_type": "gpt_neox", "num_attention_heads": 64, "num_hidden_layers": 44, "rotary_emb_base": 10000,
       "rotary_pct": 0.25, "tie_word_embeddings": false, "torch_dtype": "float16", "vocab_size": 50432}
      """
    case .gptOSS20B:
      """
      {"architectures": ["GptOssForCausalLM"], "attention_bias": true, "experts_per_token": 4, "head_dim": 64,
       "hidden_act": "silu", "hidden_size": 2880, "initial_context_length": 4096, "intermediate_size": 2880,
       "layer_types": [\((0..<24).map { $0 % 2 == 0 ? "\"sliding_attention\"" : "\"full_attention\"" }
        .joined(separator: ", "))],
       "max_position_embeddings": 131072, "model_type": "gpt_oss", "num_attention_heads": 64,
       "num_experts_per_tok": 4, "num_hidden_layers": 24, "num_key_value_heads": 8, "num_local_experts": 32,
       "quantization_config": {"quant_method": "mxfp4"}, "rms_norm_eps": 1e-05,
       "rope_scaling": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0,
        "original_max_position_embeddings": 4096, "rope_type": "yarn", "truncate": false},
       "rope_theta": 150000, "sliding_window": 128, "swiglu_limit": 7.0, "tie_word_embeddings": false,
       "vocab_size": 201088}
      """
    default: ""
    }
  }
}
