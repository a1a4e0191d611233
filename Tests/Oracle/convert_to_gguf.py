#!/usr/bin/env python3
"""Writes a small Hugging Face folder as a GGUF file in F32.

usage: convert_to_gguf.py FOLDER OUT.gguf [--combined] [--mxfp4]

Handles llama, mistral, qwen2, qwen3 and the mixtures of experts mixtral, qwen2_moe, qwen3_moe, deepseek_v2,
deepseek_v3, gemma, gemma2, gemma3, phi3, gpt2, gpt_neox and gpt_oss. With --combined the projections of latent
attention stay one matrix, as in older files; with --mxfp4 the weights of experts are written in that format.

For checking Skein against reference logits. Needs the Python packages numpy, safetensors and gguf. The
vocabulary is made up: these models are given token ids.
"""
import json
import math
import re
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file

import families

MODULES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm", "self_attn.q_b_proj": "attn_q_b",
    "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa", "self_attn.kv_a_layernorm": "attn_kv_a_norm",
    "self_attn.kv_b_proj": "attn_kv_b", "mlp.gate": "ffn_gate_inp", "block_sparse_moe.gate": "ffn_gate_inp",
    "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
} | {
    f"mlp.shared_expert{s}.{part}_proj": f"ffn_{part}_shexp" for s in ["", "s"] for part in ["gate", "up", "down"]
}
EXPERT = re.compile(r"(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(\w+)$")
EXPERT_PARTS = {
    "gate_proj": "ffn_gate_exps", "up_proj": "ffn_up_exps", "down_proj": "ffn_down_exps",
    "w1": "ffn_gate_exps", "w3": "ffn_up_exps", "w2": "ffn_down_exps",
}
ARCHITECTURES = {
    "mistral": "llama", "mixtral": "llama", "qwen2_moe": "qwen2moe", "qwen3_moe": "qwen3moe",
    "deepseek_v2": "deepseek2", "deepseek_v3": "deepseek2",
} | families.ARCHITECTURES
TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"} | families.TOP


def interleave(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of q and k in the order that makes rotated pairs neighbours, as llama files have them."""
    half = rows.shape[0] // heads // 2
    return rows.reshape(heads, 2, half, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def llama3_factors(rope: dict, dimensions: int) -> np.ndarray:
    frequencies = 1.0 / rope["rope_theta"] ** (np.arange(0, dimensions, 2) / dimensions)
    factors = []
    for frequency in frequencies:
        turns = rope["original_max_position_embeddings"] * frequency / (2 * math.pi)
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        if turns > high:
            factors.append(1.0)
        elif turns < low:
            factors.append(rope["factor"])
        else:
            smooth = (turns - low) / (high - low)
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def write_header(writer: gguf.GGUFWriter, config: dict, head_width: int, combined: bool) -> None:
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    families.write_header(writer, config)
    if config.get("kv_lora_rank"):
        write_latent_attention(writer, config, combined)
        rope_width = config["qk_rope_head_dim"]
    else:
        part = (config.get("rope_parameters") or {}).get("partial_rotary_factor", 1)
        rope_width = int(head_width * part)
        writer.add_head_count_kv(config["num_key_value_heads"])
        writer.add_key_length(head_width)
        writer.add_value_length(head_width)
    writer.add_rope_dimension_count(rope_width)
    if config.get("sliding_window") and config.get("use_sliding_window", True):
        writer.add_sliding_window(config["sliding_window"])
    write_experts(writer, config)
    write_rope(writer, config, rope_width)


def write_rope(writer: gguf.GGUFWriter, config: dict, dimensions: int) -> None:
    rope = config.get("rope_parameters") or {"rope_type": "default", "rope_theta": 10000.0}
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        if rope.get("mscale_all_dim"):
            writer.add_rope_scaling_yarn_log_mul(0.1 * rope["mscale_all_dim"])
    if rope["rope_type"] == "longrope":
        families.write_long_rope(writer, config, rope)
    if rope["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(rope, dimensions))
    # Dynamic scaling changes nothing within the length that the model was made for.
    if rope["rope_type"] not in ("default", "linear", "yarn", "llama3", "dynamic", "longrope"):
        raise SystemExit(f"rope type {rope['rope_type']} is not handled")


def write_latent_attention(writer: gguf.GGUFWriter, config: dict, combined: bool) -> None:
    rank, rope_width = config["kv_lora_rank"], config["qk_rope_head_dim"]
    key_width, value_width = config["qk_nope_head_dim"] + rope_width, config["v_head_dim"]
    writer.add_kv_lora_rank(rank)
    if config["q_lora_rank"]:
        writer.add_q_lora_rank(config["q_lora_rank"])
    if combined:
        writer.add_head_count_kv(config["num_attention_heads"])
        writer.add_key_length(key_width)
        writer.add_value_length(value_width)
        return
    writer.add_head_count_kv(1)
    writer.add_key_length(rank + rope_width)
    writer.add_value_length(rank)
    writer.add_key_length_mla(key_width)
    writer.add_value_length_mla(value_width)


def write_experts(writer: gguf.GGUFWriter, config: dict) -> None:
    counts = ["num_local_experts", "num_experts", "n_routed_experts"]
    count = next((config[key] for key in counts if config.get(key)), 0)
    if not count:
        return
    writer.add_expert_count(count)
    writer.add_expert_used_count(config["num_experts_per_tok"])
    if "moe_intermediate_size" in config:
        writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    if "norm_topk_prob" in config:
        writer.add_expert_weights_norm(config["norm_topk_prob"])
    if config.get("n_shared_experts"):
        writer.add_expert_shared_count(config["n_shared_experts"])
    if "first_k_dense_replace" in config:
        writer.add_leading_dense_block_count(config["first_k_dense_replace"])
    if "routed_scaling_factor" in config:
        writer.add_expert_weights_scale(config["routed_scaling_factor"])
    is_sigmoid = config["model_type"] == "deepseek_v3"
    if is_sigmoid:
        writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
    if is_sigmoid or config.get("topk_method") == "group_limited_greedy":
        writer.add_expert_group_count(config["n_group"])
        writer.add_expert_group_used_count(config["topk_group"])


def split_latent(config: dict, stem: str, values: np.ndarray):
    """The matrix of keys and values as two stacks, a matrix a head; that of the keys transposed."""
    heads, plain = config["num_attention_heads"], config["qk_nope_head_dim"]
    rows = values.reshape(heads, plain + config["v_head_dim"], config["kv_lora_rank"])
    layer = stem.rsplit(".", 1)[0]
    yield f"{layer}.attn_k_b.weight", rows[:, :plain].swapaxes(1, 2)
    yield f"{layer}.attn_v_b.weight", rows[:, plain:]


def tensors(folder: Path, config: dict, combined: bool):
    """Every tensor of the file: name and values."""
    modules = MODULES | families.MODULES.get(config["model_type"], {})
    is_llama = ARCHITECTURES.get(config["model_type"], config["model_type"]) == "llama"
    stacks: dict[str, dict[int, np.ndarray]] = {}
    for name, values in load_file(folder / "model.safetensors").items():
        if extra := families.parameters(config, name, values.astype(np.float32)):
            yield from extra
            continue
        module, part = name.rsplit(".", 1)
        values = families.tensor(config, module, part, values.astype(np.float32))
        if module in TOP:
            yield f"{TOP[module]}.{part}", values
            continue
        _, _, layer, rest = module.split(".", 3)
        if expert := EXPERT.match(rest):
            stem = f"blk.{layer}.{EXPERT_PARTS[expert[2]]}.{part}"
            stacks.setdefault(stem, {})[int(expert[1])] = values
            continue
        stem = f"blk.{layer}.{modules[rest]}"
        if part == "e_score_correction_bias":
            yield f"blk.{layer}.exp_probs_b.bias", values
            continue
        if rest == "self_attn.kv_b_proj" and not combined:
            yield from split_latent(config, stem, values)
            continue
        if is_llama and rest == "self_attn.q_proj":
            values = interleave(values, config["num_attention_heads"])
        if is_llama and rest == "self_attn.k_proj":
            values = interleave(values, config["num_key_value_heads"])
        yield f"{stem}.{part}", values
    for stem, experts in stacks.items():
        yield stem, np.stack([experts[index] for index in range(len(experts))])


def write_vocabulary(writer: gguf.GGUFWriter, size: int) -> None:
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    tokens = (tokens + [f"token{i}" for i in range(size)])[:size]
    kinds = [2, 3, 3] + [6] * 256 + [1] * size
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(i) for i in range(size)])
    writer.add_token_types(kinds[:size])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def main(folder: Path, out: Path, combined: bool, mxfp4: bool) -> None:
    config = families.common(json.loads((folder / "config.json").read_text()))
    architecture = ARCHITECTURES.get(config["model_type"], config["model_type"])
    head_width = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    writer = gguf.GGUFWriter(str(out), architecture)
    write_header(writer, config, head_width, combined)
    write_vocabulary(writer, config["vocab_size"])
    for name, values in tensors(folder, config, combined):
        values = np.ascontiguousarray(values)
        if mxfp4 and name.endswith("_exps.weight"):
            kind = gguf.GGMLQuantizationType.MXFP4
            writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    options = {"--combined", "--mxfp4"}
    arguments = [argument for argument in sys.argv[1:] if argument not in options]
    if len(arguments) != 2:
        raise SystemExit(__doc__)
    main(Path(arguments[0]), Path(arguments[1]), "--combined" in sys.argv, "--mxfp4" in sys.argv)
