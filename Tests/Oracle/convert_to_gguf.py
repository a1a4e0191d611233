#!/usr/bin/env python3
"""Writes a small Hugging Face folder (llama, mistral, qwen2, qwen3) as a GGUF file in F32.

usage: convert_to_gguf.py FOLDER OUT.gguf

For checking Skein against reference logits. Needs the Python packages numpy, safetensors and gguf. The
vocabulary is made up: these models are given token ids.
"""
import json
import math
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file

MODULES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}
TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


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


def write_header(writer: gguf.GGUFWriter, config: dict, head_width: int) -> None:
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(head_width)
    writer.add_value_length(head_width)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(head_width)
    if config.get("sliding_window") and config.get("use_sliding_window", True):
        writer.add_sliding_window(config["sliding_window"])
    rope = config.get("rope_parameters") or {"rope_type": "default", "rope_theta": 10000.0}
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if rope["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(rope, head_width))
    # Dynamic scaling changes nothing within the length that the model was made for.
    if rope["rope_type"] not in ("default", "linear", "yarn", "llama3", "dynamic"):
        raise SystemExit(f"rope type {rope['rope_type']} is not handled")


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


def main(folder: Path, out: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    kind = config["model_type"]
    architecture = {"mistral": "llama"}.get(kind, kind)
    head_width = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    writer = gguf.GGUFWriter(str(out), architecture)
    write_header(writer, config, head_width)
    write_vocabulary(writer, config["vocab_size"])
    for name, values in load_file(folder / "model.safetensors").items():
        module, part = name.rsplit(".", 1)
        values = values.astype(np.float32)
        if module in TOP:
            stem = TOP[module]
        else:
            _, _, layer, rest = module.split(".", 3)
            stem = f"blk.{layer}.{MODULES[rest]}"
            if architecture == "llama" and rest == "self_attn.q_proj":
                values = interleave(values, config["num_attention_heads"])
            if architecture == "llama" and rest == "self_attn.k_proj":
                values = interleave(values, config["num_key_value_heads"])
        writer.add_tensor(f"{stem}.{part}", np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
