#!/usr/bin/env python3
"""Makes the small reference models of these tests.

usage: make_fixtures.py [NAME...]

For each model, or those that are named: NAME.gguf (F32, random weights) and NAME.json with a prompt, the logits of
its last token and a few others, and the greedy continuation, all computed in float32 by `transformers`. Needs the Python
packages torch, transformers, safetensors, numpy and gguf.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers as T

HERE = Path(__file__).parent
CONVERT = HERE.parent.parent / "Oracle" / "convert_to_gguf.py"
torch.set_grad_enabled(False)
torch.set_num_threads(1)


def shape(**changes) -> dict:
    return dict(
        vocab_size=280, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, tie_word_embeddings=True, **changes)


def latent(**changes) -> dict:
    return shape() | dict(
        kv_lora_rank=16, qk_nope_head_dim=12, qk_rope_head_dim=8, v_head_dim=10, num_key_value_heads=4,
        n_routed_experts=8, num_experts_per_tok=2, moe_intermediate_size=20, first_k_dense_replace=1, **changes)


def small(**changes) -> dict:
    return shape() | dict(intermediate_size=32, **changes)


def rope(kind: str, **changes) -> dict:
    return dict(rope_type=kind, rope_theta=10_000.0, **changes)


CONFIGURATIONS = {
    "llama": T.LlamaConfig(**shape(), attention_bias=True, mlp_bias=True, rope_parameters=rope("default")),
    "llama-linear": T.LlamaConfig(**shape(), rope_parameters=rope("linear", factor=4.0)),
    "llama-llama3": T.LlamaConfig(**shape(), rope_parameters=rope(
        "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)),
    "mistral": T.MistralConfig(**shape(), head_dim=16, sliding_window=6),
    "qwen2": T.Qwen2Config(**shape(), rope_parameters=rope(
        "yarn", factor=4.0, original_max_position_embeddings=32, beta_fast=32.0, beta_slow=1.0)),
    "qwen3": T.Qwen3Config(**(shape() | {"tie_word_embeddings": False, "num_key_value_heads": 1}), head_dim=24),
    "mixtral": T.MixtralConfig(**shape(), num_local_experts=4, num_experts_per_tok=2, sliding_window=None),
    "qwen2-moe": T.Qwen2MoeConfig(
        **shape(), num_experts=6, num_experts_per_tok=3, moe_intermediate_size=20, norm_topk_prob=True,
        shared_expert_intermediate_size=40),
    # Experts in every second layer only.
    "qwen3-moe": T.Qwen3MoeConfig(
        **shape(), head_dim=16, num_experts=8, num_experts_per_tok=2, moe_intermediate_size=20,
        decoder_sparse_step=2),
    "deepseek-v2": T.DeepseekV2Config(
        **latent(), q_lora_rank=20, topk_method="group_limited_greedy", n_group=4, topk_group=2,
        routed_scaling_factor=2.0),
    "deepseek-v2-old": T.DeepseekV2Config(**latent(), q_lora_rank=None, n_shared_experts=2, topk_method="greedy"),
    "deepseek-v3": T.DeepseekV3Config(
        **latent(), q_lora_rank=20, n_group=4, topk_group=2, norm_topk_prob=True, routed_scaling_factor=2.5,
        rope_parameters=rope(
            "yarn", factor=4.0, original_max_position_embeddings=32, beta_fast=32.0, beta_slow=1.0, mscale=0.7,
            mscale_all_dim=0.7)),
    "gemma": T.GemmaConfig(**small(), head_dim=16),
    # Scores that the cap changes, and a scale that is not that of the heads' width.
    "gemma2": T.Gemma2Config(
        **small(), head_dim=16, sliding_window=6, query_pre_attn_scalar=20, attn_logit_softcapping=4.0,
        final_logit_softcapping=2.0),
    "gemma3": T.Gemma3TextConfig(
        **small(), head_dim=16, sliding_window=6, query_pre_attn_scalar=20,
        layer_types=["sliding_attention", "full_attention"],
        rope_parameters={"sliding_attention": rope("default"),
                         "full_attention": rope("linear", factor=8.0) | {"rope_theta": 1e6}}),
    "phi3": T.Phi3Config(
        **(small() | {"tie_word_embeddings": False}), original_max_position_embeddings=64,
        rope_parameters=rope("longrope", short_factor=[1.0, 1.1, 1.2, 1.4], long_factor=[1.0, 2.0, 3.0, 4.0])),
    "gpt2": T.GPT2Config(
        n_embd=32, n_layer=2, n_head=4, n_inner=48, vocab_size=280, n_positions=128, bos_token_id=1, eos_token_id=2,
        pad_token_id=0),
    "gptneox": T.GPTNeoXConfig(
        **(small() | {"tie_word_embeddings": False}), use_parallel_residual=True, hidden_act="gelu",
        rope_parameters=rope("default", partial_rotary_factor=0.5)),
    "gptneox-serial": T.GPTNeoXConfig(
        **(small() | {"tie_word_embeddings": False, "intermediate_size": 40}), use_parallel_residual=False,
        hidden_act="gelu", rope_parameters=rope("default", partial_rotary_factor=1.0)),
    "gpt-oss": T.GptOssConfig(
        **(small() | {"intermediate_size": 16, "tie_word_embeddings": False}), head_dim=16, sliding_window=6,
        num_local_experts=4, num_experts_per_tok=2, rope_parameters=rope(
            "yarn", factor=4.0, original_max_position_embeddings=32, beta_fast=32.0, beta_slow=1.0, truncate=False)),
}
# Files as they were written before the projections of latent attention were split.
COMBINED = {"deepseek-v2-old"}


def randomize(model: torch.nn.Module, seed: int) -> None:
    """Weights of a size that makes every layer matter."""
    generator = torch.Generator().manual_seed(seed)
    biases = [(name, buffer) for name, buffer in model.named_buffers() if "e_score_correction_bias" in name]
    for name, parameter in list(model.named_parameters()) + biases:
        values = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim == 1 or name.endswith("bias"):
            # Gemma adds 1 itself.
            values = 0.2 * values + (0 if name.endswith("bias") or "Gemma" in type(model).__name__ else 1)
        elif "embed" in name:
            values = 0.1 * values
        elif "wte" in name or "wpe" in name:
            values = 0.1 * values
        elif "experts.gate_up" in name or "experts.down" in name or "GPT2" in type(model).__name__:
            values = values / parameter.shape[-2] ** 0.5
        else:
            values = values / parameter.shape[-1] ** 0.5
        parameter.copy_(values)


def main(names: list[str]) -> None:
    for seed, (name, configuration) in enumerate(CONFIGURATIONS.items()):
        if names and name not in names:
            continue
        model = T.AutoModelForCausalLM.from_config(configuration, attn_implementation="eager").float().eval()
        randomize(model, seed)
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            combined = ["--combined"] if name in COMBINED else []
            subprocess.run([sys.executable, CONVERT, folder, HERE / f"{name}.gguf"] + combined, check=True)
        prompt = [1] + [(7 * i * i + 31 * i + seed) % 277 + 3 for i in range(19)]
        logits = model(torch.tensor([prompt])).logits[0]
        tokens, margins = list(prompt), []
        for _ in range(10):
            last = model(torch.tensor([tokens])).logits[0, -1]
            top = last.topk(2).values
            margins.append(float(top[0] - top[1]))
            tokens.append(int(last.argmax()))
        rows = [0, 7, 19]
        reference = {
            "prompt": prompt, "rows": rows, "greedy": tokens[len(prompt):], "margins": margins,
            "logits": [[float(f"{x:.7g}") for x in logits[row].tolist()] for row in rows],
        }
        (HERE / f"{name}.json").write_text(json.dumps(reference) + "\n")
        print(name, "least margin", min(margins))


if __name__ == "__main__":
    main(sys.argv[1:])
