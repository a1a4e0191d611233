import SkeinFiles
import SkeinGraph
import SkeinModels
import Testing

/// Names outside: GGUF tensors and modules of Hugging Face.
@Suite struct WeightNameTests {
  @Test(
    arguments: [
      (.query, .bias, "attn_q.bias", "self_attn.q_proj.bias"),
      (.queryDown, .weight, "attn_q_a.weight", "self_attn.q_a_proj.weight"),
      (.queryUp, .weight, "attn_q_b.weight", "self_attn.q_b_proj.weight"),
      (.keyValueDown, .weight, "attn_kv_a_mqa.weight", "self_attn.kv_a_proj_with_mqa.weight"),
      (.keyUp, .weight, "attn_k_b.weight", "self_attn.kv_b_proj.weight"),
      (.router, .weight, "ffn_gate_inp.weight", "mlp.gate.weight"),
      (.router, .bias, "exp_probs_b.bias", "mlp.gate.e_score_correction_bias"),
      (.router, .logitBias, "ffn_gate_inp.bias", "mlp.gate.bias"),
      (.attentionSinks, .weight, "attn_sinks.weight", "self_attn.sinks"),
      (.postAttentionNorm, .weight, "post_attention_norm.weight", "post_attention_layernorm.weight"),
      (.postFeedForwardNorm, .weight, "post_ffw_norm.weight", "post_feedforward_layernorm.weight"),
      (.queryKeyValue, .bias, "attn_qkv.bias", "self_attn.qkv_proj.bias"),
      (.expertDown, .bias, "ffn_down_exps.bias", "mlp.experts.*.down_proj.bias"),
      (.expertDown, .weight, "ffn_down_exps.weight", "mlp.experts.*.down_proj.weight"),
      (.sharedUp, .weight, "ffn_up_shexp.weight", "mlp.shared_experts.up_proj.weight"),
      (.sharedRouter, .weight, "ffn_gate_inp_shexp.weight", "mlp.shared_expert_gate.weight"),
    ] as [(Role, WeightPart, String, String)])
  func namesAreThoseOfTheFiles(role: Role, part: WeightPart, tensor: String, module: String) {
    let name = WeightName(NodeName(layer: 3, role), part)
    #expect(name.ggufName == "blk.3." + tensor)
    #expect(name.moduleName == "model.layers.3." + module)
  }

  @Test func expertsAreAModule() {
    #expect(NodeName(layer: 7, .experts).moduleName == "model.layers.7.mlp.experts")
    #expect(NodeName(.head).moduleName == "lm_head")
  }
}
