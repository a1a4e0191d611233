import SkeinGraph

/// How weights are called outside: the tensor names of GGUF, and the module names of Hugging Face.
extension WeightName {
  /// The name in GGUF files: `blk.3.attn_q.weight`.
  public var ggufName: String {
    let stem = node.role.ggufStem
    return (node.layer.map { "blk.\($0)." } ?? "") + stem + "." + part.rawValue
  }

  /// The name in Hugging Face checkpoints: `model.layers.3.self_attn.q_proj.weight`.
  public var moduleName: String { node.moduleName + "." + part.rawValue }
}

extension NodeName {
  /// The module of Hugging Face that this node is a part of: `model.layers.3.self_attn.q_proj`.
  public var moduleName: String {
    switch role {
    case .head: "lm_head"
    default: (layer.map { "model.layers.\($0)." } ?? "model.") + role.moduleStem
    }
  }
}

extension Role {
  /// The part of a GGUF tensor's name between the layer and `.weight`.
  fileprivate var ggufStem: String {
    switch self {
    case .tokenEmbedding: "token_embd"
    case .attentionNorm: "attn_norm"
    case .query: "attn_q"
    case .key: "attn_k"
    case .value: "attn_v"
    case .queryNorm: "attn_q_norm"
    case .keyNorm: "attn_k_norm"
    case .attentionOutput: "attn_output"
    case .feedForwardNorm: "ffn_norm"
    case .gate: "ffn_gate"
    case .up: "ffn_up"
    case .down: "ffn_down"
    case .outputNorm: "output_norm"
    case .head: "output"
    // These own no weights.
    case .queryRope, .keyRope, .attention, .attentionResidual, .activation, .feedForwardResidual,
      .selectedAttention, .selectedResidual:
      rawValue
    }
  }

  /// The part of a module's name after the layer.
  fileprivate var moduleStem: String {
    switch self {
    case .tokenEmbedding: "embed_tokens"
    case .attentionNorm: "input_layernorm"
    case .query: "self_attn.q_proj"
    case .key: "self_attn.k_proj"
    case .value: "self_attn.v_proj"
    case .queryNorm: "self_attn.q_norm"
    case .keyNorm: "self_attn.k_norm"
    case .queryRope, .keyRope: "self_attn.rotary_emb"
    case .attention, .selectedAttention: "self_attn"
    case .attentionOutput: "self_attn.o_proj"
    case .attentionResidual, .selectedResidual: "self_attn"
    case .feedForwardNorm: "post_attention_layernorm"
    case .gate: "mlp.gate_proj"
    case .up: "mlp.up_proj"
    case .activation: "mlp.act_fn"
    case .down: "mlp.down_proj"
    case .feedForwardResidual: "mlp"
    case .outputNorm: "norm"
    case .head: "lm_head"
    }
  }
}
