/// A small model as Hugging Face tools save it, with made-up weights.
public struct FolderFixture: Sendable {
  /// A tensor's name and extents.
  public typealias Tensor = (name: String, extents: [Int])
  /// `config.json`.
  public var configuration: String
  /// The tensors, in float32.
  public var tensors: [Tensor]
  /// `tokenizer.json`; nil for none.
  public var tokenizer: String?

  /// The value of an element: different for each, between -0.5 and 0.5.
  public static func value(_ tensor: Int, _ element: Int) -> Float {
    var bits = UInt64(tensor + 1) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(element + 1) &* 0xD6E8_FEB8_6659_FD93
    bits = (bits ^ bits >> 32) &* 0xD6E8_FEB8_6659_FD93
    return Float(bits >> 40) / Float(1 << 24) - 0.5
  }

  /// Writes the files.
  public func write(to folder: TemporaryFolder) {
    folder.write("config.json", Array(configuration.utf8))
    if let tokenizer { folder.write("tokenizer.json", Array(tokenizer.utf8)) }
    var entries: [String] = []
    var data: [UInt8] = []
    for (index, tensor) in tensors.enumerated() {
      let start = data.count
      for element in 0..<tensor.extents.reduce(1, *) {
        withUnsafeBytes(of: Self.value(index, element).bitPattern.littleEndian) {
          data.append(contentsOf: $0)
        }
      }
      entries.append(
        "\"\(tensor.name)\":{\"dtype\":\"F32\",\"shape\":\(tensor.extents),\"data_offsets\":[\(start),\(data.count)]}"
      )
    }
    var header = Array("{\(entries.joined(separator: ","))}".utf8)
    while header.count % 8 != 0 { header.append(0x20) }
    let count = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    folder.write("model.safetensors", count + header + data)
  }

  /// Llama with biases and Llama 3's rotations: 2 layers of width 32, heads of 16.
  public static var llama: FolderFixture {
    FolderFixture(
      configuration: """
        {"model_type": "llama", "vocab_size": 40, "hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64,
         "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
         "attention_bias": true, "rope_theta": 10000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
         "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}}
        """,
      tensors: [
        ("model.embed_tokens.weight", [40, 32]), ("lm_head.weight", [40, 32]), ("model.norm.weight", [32]),
      ]
        + (0..<2).flatMap { layer -> [Tensor] in
          let projections: [Tensor] = [
            ("q", [32, 32]), ("k", [16, 32]), ("v", [16, 32]), ("o", [32, 32]),
          ]
          return projections.flatMap { name, extents -> [Tensor] in
            let stem = "model.layers.\(layer).self_attn.\(name)_proj"
            return [(stem + ".weight", extents), (stem + ".bias", [extents[0]])]
          } + ordinaryTensors(layer)
        })
  }

  /// Phi-3, with queries, keys and values in one matrix, gate and up in another, and factors for each frequency.
  public static var phi3: FolderFixture {
    FolderFixture(
      configuration: """
        {"model_type": "phi3", "vocab_size": 40, "hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 64,
         "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
         "original_max_position_embeddings": 32, "sliding_window": null, "rope_theta": 10000.0, "rope_scaling":
         {"type": "longrope", "long_factor": [1, 2, 3, 4, 5, 6, 7, 8], "short_factor": [1, 1, 1, 2, 2, 2, 3, 3]}}
        """,
      tensors: [
        ("model.embed_tokens.weight", [40, 32]), ("lm_head.weight", [40, 32]), ("model.norm.weight", [32]),
        ("model.layers.0.self_attn.qkv_proj.weight", [64, 32]),
        ("model.layers.0.self_attn.o_proj.weight", [32, 32]),
        ("model.layers.0.mlp.gate_up_proj.weight", [128, 32]),
        ("model.layers.0.mlp.down_proj.weight", [32, 64]), ("model.layers.0.input_layernorm.weight", [32]),
        ("model.layers.0.post_attention_layernorm.weight", [32]),
      ])
  }

  /// DeepSeek-V2 without experts: one layer of latent attention with 2 heads of 8 plain and 4 rotated values.
  public static var deepSeek: FolderFixture {
    FolderFixture(
      configuration: """
        {"model_type": "deepseek_v2", "vocab_size": 40, "hidden_size": 32, "num_hidden_layers": 2,
         "intermediate_size": 64, "num_attention_heads": 2, "max_position_embeddings": 64, "rms_norm_eps": 1e-6,
         "kv_lora_rank": 16, "q_lora_rank": null, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8,
         "n_routed_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 8, "n_shared_experts": 1,
         "first_k_dense_replace": 1, "topk_method": "greedy", "rope_theta": 10000.0}
        """,
      tensors: [
        ("model.embed_tokens.weight", [40, 32]), ("lm_head.weight", [40, 32]), ("model.norm.weight", [32]),
      ]
        + (0..<2).flatMap { layer -> [Tensor] in
          let stem = "model.layers.\(layer).self_attn."
          return [
            (stem + "q_proj.weight", [24, 32]), (stem + "kv_a_proj_with_mqa.weight", [20, 32]),
            (stem + "kv_a_layernorm.weight", [16]), (stem + "kv_b_proj.weight", [32, 16]),
            (stem + "o_proj.weight", [32, 16]),
          ] + (layer == 0 ? ordinaryTensors(0) : expertTensors(1))
        })
  }

  private static func ordinaryTensors(_ layer: Int) -> [Tensor] {
    let stem = "model.layers.\(layer)."
    return [
      (stem + "mlp.gate_proj.weight", [64, 32]), (stem + "mlp.up_proj.weight", [64, 32]),
      (stem + "mlp.down_proj.weight", [32, 64]), (stem + "input_layernorm.weight", [32]),
      (stem + "post_attention_layernorm.weight", [32]),
    ]
  }

  private static func expertTensors(_ layer: Int) -> [Tensor] {
    let stem = "model.layers.\(layer)."
    let networks = ["mlp.experts.0.", "mlp.experts.1.", "mlp.shared_experts."].flatMap { name -> [Tensor] in
      [
        (stem + name + "gate_proj.weight", [8, 32]), (stem + name + "up_proj.weight", [8, 32]),
        (stem + name + "down_proj.weight", [32, 8]),
      ]
    }
    return networks + [
      (stem + "mlp.gate.weight", [2, 32]), (stem + "input_layernorm.weight", [32]),
      (stem + "post_attention_layernorm.weight", [32]),
    ]
  }
}
