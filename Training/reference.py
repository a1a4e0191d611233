"""Writes Tests/Fixtures/NAME-reference.json: what the model in Models/NAME.gguf answers.

    python reference.py --data DIR

The answers are computed by Hugging Face transformers from the dequantized weights in 32-bit floats,
and must agree with model.py. For a prompt of a few token ids the file has the ten largest logits at
the last position and 40 greedy tokens, each with its margin: its logit minus the next largest one.
"""

import argparse
import json
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer

import gguf_file
import model as m

ROOT = Path(__file__).resolve().parent.parent
PROMPT = "One day, Mia had a great idea"  # Goes on with no near tie in either model.
TOKENS = 40


def transformers_model(c: m.Config, weights: m.Weights) -> torch.nn.Module:
    common = dict(
        vocab_size=c.vocabulary, hidden_size=c.width, intermediate_size=c.feed_forward, num_hidden_layers=c.layers,
        num_attention_heads=c.heads, rms_norm_eps=c.norm_epsilon, max_position_embeddings=c.context, bos_token_id=0, eos_token_id=1,
        tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": c.rope_base})
    if c.architecture == "llama":
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**common, num_key_value_heads=c.kv_heads, head_dim=c.head_width))
    else:
        model = transformers.DeepseekV2ForCausalLM(transformers.DeepseekV2Config(
            **common, q_lora_rank=c.q_rank, kv_lora_rank=c.kv_rank, qk_nope_head_dim=c.nope_width, qk_rope_head_dim=c.rope_width,
            v_head_dim=c.value_width, first_k_dense_replace=c.dense_layers, n_routed_experts=c.experts,
            num_experts_per_tok=c.experts_used, n_shared_experts=c.shared_experts, moe_intermediate_size=c.expert_feed_forward,
            routed_scaling_factor=c.experts_scale, norm_topk_prob=False, topk_method="greedy", n_group=1, topk_group=1))
    model.load_state_dict(transformers_weights(c, weights))
    return model.eval()


def transformers_weights(c: m.Config, weights: m.Weights) -> m.Weights:
    names = {
        "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_output": "self_attn.o_proj",
        "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
        "attn_q_a": "self_attn.q_a_proj", "attn_q_a_norm": "self_attn.q_a_layernorm", "attn_q_b": "self_attn.q_b_proj",
        "attn_kv_a_mqa": "self_attn.kv_a_proj_with_mqa", "attn_kv_a_norm": "self_attn.kv_a_layernorm", "attn_kv_b": "self_attn.kv_b_proj",
        "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj", "ffn_gate_inp": "mlp.gate",
        "ffn_gate_shexp": "mlp.shared_experts.gate_proj", "ffn_up_shexp": "mlp.shared_experts.up_proj",
        "ffn_down_shexp": "mlp.shared_experts.down_proj"}
    result = {"model.embed_tokens.weight": weights["token_embd.weight"], "lm_head.weight": weights["token_embd.weight"],
              "model.norm.weight": weights["output_norm.weight"]}
    for layer in range(c.layers):
        block, to = f"blk.{layer}.", f"model.layers.{layer}."
        for name, other in names.items():
            if (w := weights.get(f"{block}{name}.weight")) is not None:
                if name in ("attn_q", "attn_k"):
                    # Its Llama rotates value i with value i + half, not with its neighbor.
                    w = w.view(-1, c.head_width // 2, 2, c.width).transpose(1, 2).reshape(w.shape)
                result[f"{to}{other}.weight"] = w
        if f"{block}ffn_down_exps.weight" in weights:
            gate, up, down = (weights[f"{block}ffn_{part}_exps.weight"] for part in ("gate", "up", "down"))
            result[to + "mlp.experts.gate_up_proj"] = torch.cat((gate, up), dim=1)
            result[to + "mlp.experts.down_proj"] = down
    return result


@torch.no_grad()
def reference(name: str, tokenizer: Tokenizer) -> dict:
    c, weights = gguf_file.read(ROOT / "Models" / f"{name}.gguf")
    judge = transformers_model(c, weights)
    prompt = [0] + tokenizer.encode(PROMPT).ids
    tokens, margins, worst = list(prompt), [], 0.0
    for _ in range(TOKENS):
        logits = judge(torch.tensor([tokens])).logits[0]
        own = m.forward(c, weights, torch.tensor([tokens]), m.rope_table(c, len(tokens)))[0][0]
        worst = max(worst, (logits - own).abs().max().item())
        if len(tokens) == len(prompt):
            top = logits[-1].topk(10)
        best = logits[-1].topk(2)
        margins.append(round((best.values[0] - best.values[1]).item(), 4))
        tokens.append(best.indices[0].item())
    print(f"{name}: largest difference of a logit from model.py {worst:.2e}, least margin {min(margins)}")
    assert worst < 1e-3
    return {
        "model": f"{name}.gguf", "prompt": PROMPT, "promptTokens": prompt,
        "topTokens": top.indices.tolist(), "topLogits": [round(x, 5) for x in top.values.tolist()],
        "greedyTokens": tokens[len(prompt):], "greedyMargins": margins, "greedyText": tokenizer.decode(tokens[len(prompt):])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="what prepare.py wrote")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = Tokenizer.from_file(str(arguments.data / "tokenizer.json"))
    fixtures = ROOT / "Tests" / "Fixtures"
    fixtures.mkdir(parents=True, exist_ok=True)
    for name in m.CONFIGS:
        (fixtures / f"{name}-reference.json").write_text(json.dumps(reference(name, tokenizer), indent=1) + "\n")


if __name__ == "__main__":
    main()
