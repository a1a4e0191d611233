import SkeinGraph

/// How weights are called outside: the tensor names of GGUF, and the module names of Hugging Face.
extension WeightName {
  /// The name in GGUF files: `blk.3.attn_q.weight`.
  public var ggufName: String {
    let stem: String
    switch (node.role, part) {
    // The bias of a router that is added to scores, not to what the matrix gives, is called by what it is.
    case (.router, .bias): stem = "exp_probs_b.bias"
    case (_, .logitBias): stem = node.role.ggufStem + ".bias"
    default: stem = node.role.ggufStem + "." + part.rawValue
    }
    return (node.layer.map { "blk.\($0)." } ?? "") + stem
  }

  /// The weight that a tensor of a GGUF file is, by its name; nil where no family has such a weight.
  public init?(ggufName: String) {
    var words = ggufName.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let last = words.popLast(), let part = WeightPart(rawValue: last) else { return nil }
    var layer: Int?
    if words.count == 3, words[0] == "blk" {
      // One way to write a number, so that different names are different weights.
      guard let number = Int(words[1]), number >= 0, String(number) == words[1] else { return nil }
      layer = number
      words.removeFirst(2)
    }
    guard words.count == 1 else { return nil }
    if words[0] == "exp_probs_b", part == .bias {
      self.init(NodeName(layer: layer, .router), .bias)
    } else if let role = rolesByStem[words[0]] {
      self.init(NodeName(layer: layer, role), part)
    } else {
      return nil
    }
  }

  /// The name in most families' Hugging Face checkpoints: `model.layers.3.self_attn.q_proj.weight`. A `*` stands
  /// for the number of an expert: the weight is a stack of what has a name for each there.
  /// `ModelDefinition.moduleName(of:)` gives the family's own.
  public var moduleName: String { ModuleNames().weight(self) }
}

extension NodeName {
  /// The module of most families' Hugging Face checkpoints that this node is a part of:
  /// `model.layers.3.self_attn.q_proj`. `ModelDefinition.moduleName(of:)` gives the family's own.
  public var moduleName: String { ModuleNames().module(of: self) }
}

private let rolesByStem = Dictionary(
  Role.allCases.filter { $0.ggufStem != $0.rawValue }.map { ($0.ggufStem, $0) },
  uniquingKeysWith: { first, _ in first })

extension Role {
  /// The part of a GGUF tensor's name between the layer and `.weight`.
  fileprivate var ggufStem: String {
    switch self {
    case .tokenEmbedding: "token_embd"
    case .positionEmbedding: "position_embd"
    case .attentionNorm: "attn_norm"
    case .query: "attn_q"
    case .key: "attn_k"
    case .value: "attn_v"
    case .queryNorm: "attn_q_norm"
    case .keyNorm: "attn_k_norm"
    case .queryDown: "attn_q_a"
    case .queryDownNorm: "attn_q_a_norm"
    case .queryUp: "attn_q_b"
    case .keyValueDown: "attn_kv_a_mqa"
    case .keyValueNorm: "attn_kv_a_norm"
    case .keyUp: "attn_k_b"
    case .valueUp: "attn_v_b"
    case .keyValueUp: "attn_kv_b"
    case .attentionSinks: "attn_sinks"
    case .attentionOutput: "attn_output"
    case .postAttentionNorm: "post_attention_norm"
    case .feedForwardNorm: "ffn_norm"
    case .gate: "ffn_gate"
    case .up: "ffn_up"
    case .down: "ffn_down"
    case .postFeedForwardNorm: "post_ffw_norm"
    case .router: "ffn_gate_inp"
    case .expertGate: "ffn_gate_exps"
    case .expertUp: "ffn_up_exps"
    case .expertDown: "ffn_down_exps"
    case .sharedGate: "ffn_gate_shexp"
    case .sharedUp: "ffn_up_shexp"
    case .sharedDown: "ffn_down_shexp"
    case .sharedRouter: "ffn_gate_inp_shexp"
    case .outputNorm: "output_norm"
    case .head: "output"
    case .queryKeyValue: "attn_qkv"
    case .gateUp: "ffn_up"
    // These own no weights.
    case .embedded, .cappedHead, .queryRope, .keyRope, .attention, .attentionResidual, .activation,
      .feedForwardResidual,
      .selectedAttention, .selectedResidual, .experts, .sharedActivation, .sharedWeighted, .mixture:
      rawValue
    }
  }

  /// The part of a module's name after the layer; empty for the layer itself.
  var moduleStem: String {
    switch self {
    case .tokenEmbedding: "embed_tokens"
    case .positionEmbedding: "embed_positions"
    case .attentionNorm: "input_layernorm"
    case .query: "self_attn.q_proj"
    case .key: "self_attn.k_proj"
    case .value: "self_attn.v_proj"
    case .queryNorm: "self_attn.q_norm"
    case .keyNorm: "self_attn.k_norm"
    case .queryRope, .keyRope: "self_attn.rotary_emb"
    case .queryDown: "self_attn.q_a_proj"
    case .queryDownNorm: "self_attn.q_a_layernorm"
    case .queryUp: "self_attn.q_b_proj"
    case .keyValueDown: "self_attn.kv_a_proj_with_mqa"
    case .keyValueNorm: "self_attn.kv_a_layernorm"
    case .keyUp, .valueUp, .keyValueUp: "self_attn.kv_b_proj"
    case .attention, .selectedAttention: "self_attn"
    case .attentionSinks: "self_attn.sinks"
    case .attentionOutput: "self_attn.o_proj"
    case .postAttentionNorm: "post_attention_layernorm"
    case .postFeedForwardNorm: "post_feedforward_layernorm"
    // The sums with the residual stream are the layer's own work, other sums the model's.
    case .embedded, .cappedHead, .attentionResidual, .selectedResidual, .feedForwardResidual: ""
    case .feedForwardNorm: "post_attention_layernorm"
    case .gate: "mlp.gate_proj"
    case .up: "mlp.up_proj"
    case .activation: "mlp.act_fn"
    case .down: "mlp.down_proj"
    case .router: "mlp.gate"
    case .experts: "mlp.experts"
    case .expertGate: "mlp.experts.*.gate_proj"
    case .expertUp: "mlp.experts.*.up_proj"
    case .expertDown: "mlp.experts.*.down_proj"
    case .sharedGate: "mlp.shared_experts.gate_proj"
    case .sharedUp: "mlp.shared_experts.up_proj"
    case .sharedActivation: "mlp.shared_experts.act_fn"
    case .sharedDown: "mlp.shared_experts.down_proj"
    case .sharedRouter, .sharedWeighted: "mlp.shared_expert_gate"
    case .mixture: "mlp"
    case .outputNorm: "norm"
    case .head: "lm_head"
    case .queryKeyValue: "self_attn.qkv_proj"
    case .gateUp: "mlp.gate_up_proj"
    }
  }
}
