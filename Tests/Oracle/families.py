"""What models of the families gemma, gemma2, gemma3, phi3, gpt2, gpt_neox and gpt_oss have of their own in a GGUF
file. Used by convert_to_gguf.py."""
import math

import gguf
import numpy as np

ARCHITECTURES = {"gemma3_text": "gemma3", "gpt_neox": "gptneox", "gpt_oss": "gpt-oss"}
TOP = {
    "transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
    "gpt_neox.embed_in": "token_embd", "gpt_neox.final_layer_norm": "output_norm", "embed_out": "output",
}
MODULES = {
    "gpt2": {
        "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_2": "ffn_norm",
        "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
    },
    "gpt_neox": {
        "attention.query_key_value": "attn_qkv", "attention.dense": "attn_output",
        "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
    },
    "phi3": {"self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"},
    "gemma2": {
        "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
        "post_feedforward_layernorm": "post_ffw_norm",
    },
    "gpt_oss": {"post_attention_layernorm": "post_attention_norm", "mlp.router": "ffn_gate_inp"},
}
MODULES["gemma3_text"] = MODULES["gemma2"]
USUAL_ACTIVATION = {"gpt2": "gelu_new", "gpt_neox": "gelu"}


def common(config: dict) -> dict:
    """The configuration with the keys that most families have."""
    kind = config["model_type"]
    if kind == "gpt2":
        names = {"n_embd": "hidden_size", "n_layer": "num_hidden_layers", "n_head": "num_attention_heads",
                 "n_positions": "max_position_embeddings", "activation_function": "hidden_act"}
        config = config | {new: config[old] for old, new in names.items()}
        config["intermediate_size"] = config["n_inner"] or 4 * config["n_embd"]
    if kind in ("gpt2", "gpt_neox") or "num_key_value_heads" not in config:
        config["num_key_value_heads"] = config["num_attention_heads"]
    rope = config.get("rope_parameters") or {}
    if kind == "gemma3_text":
        config["local_rope"] = rope["sliding_attention"]
        config["rope_parameters"] = rope["full_attention"]
    return config


def write_header(writer: gguf.GGUFWriter, config: dict) -> None:
    kind = config["model_type"]
    if kind in ("gpt2", "gpt_neox"):
        writer.add_layer_norm_eps(config.get("layer_norm_epsilon") or config["layer_norm_eps"])
        # There is no key in common use; other programs take the family's usual activation.
        if config["hidden_act"] != USUAL_ACTIVATION[kind]:
            writer.add_string(f"{writer.arch}.hidden_activation", config["hidden_act"])
    else:
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if kind == "gpt_oss":
        writer.add_expert_feed_forward_length(config["intermediate_size"])
    if kind == "gpt_neox":
        writer.add_parallel_residual(config["use_parallel_residual"])
    if kind in ("gemma2", "gemma3_text"):
        writer.add_attention_scale(config["query_pre_attn_scalar"] ** -0.5)
        if config["attn_logit_softcapping"]:
            writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        if config["final_logit_softcapping"]:
            writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if kind in ("gemma2", "gemma3_text", "gpt_oss"):
        kinds = config["layer_types"]
        usual = 6 if kind == "gemma3_text" else 2
        if [k == "full_attention" for k in kinds] != [(i + 1) % usual == 0 for i in range(len(kinds))]:
            writer.add_sliding_window_pattern([k == "sliding_attention" for k in kinds])
    if "local_rope" in config and config["local_rope"]["rope_theta"] != 10000:
        writer.add_float32(f"{writer.arch}.rope.freq_base_swa", config["local_rope"]["rope_theta"])


def write_long_rope(writer: gguf.GGUFWriter, config: dict, rope: dict) -> None:
    original, longest = rope["original_max_position_embeddings"], config["max_position_embeddings"]
    stretch = longest / original
    factor = math.sqrt(1 + math.log(stretch) / math.log(original)) if stretch > 1 else 1.0
    writer.add_rope_scaling_orig_ctx_len(original)
    writer.add_rope_scaling_attn_factors(factor)
    for name in ("long", "short"):
        writer.add_tensor(f"rope_factors_{name}.weight", np.array(rope[f"{name}_factor"], dtype=np.float32))


def tensor(config: dict, module: str, part: str, values: np.ndarray) -> np.ndarray:
    """Values in the way of GGUF files."""
    kind = config["model_type"]
    if kind.startswith("gemma") and module.endswith("norm"):
        return values + 1
    if kind == "gpt2" and part == "weight" and module.split(".")[-1] in ("c_attn", "c_proj", "c_fc"):
        return values.T
    if kind == "gpt_neox" and module.endswith("query_key_value"):
        # From query, key and value of each head to all queries, all keys, all values.
        heads = config["num_attention_heads"]
        return values.reshape(heads, 3, -1, *values.shape[1:]).swapaxes(0, 1).reshape(values.shape)
    return values


def parameters(config: dict, name: str, values: np.ndarray):
    """gpt-oss's parameters that are no modules' weights: names and values in GGUF files; None for others."""
    module, part = name.rsplit(".", 1)
    if config["model_type"] != "gpt_oss" or part in ("weight", "bias"):
        return None
    layer = "blk." + module.split(".")[2]
    if part == "sinks":
        return [(f"{layer}.attn_sinks.weight", values)]
    if not part.endswith("_bias"):
        # From [experts, inputs, outputs].
        values = values.swapaxes(1, 2)
    kind = "bias" if part.endswith("_bias") else "weight"
    if part.startswith("down_proj"):
        return [(f"{layer}.ffn_down_exps.{kind}", values)]
    # Rows of gate and up by turns.
    return [(f"{layer}.ffn_gate_exps.{kind}", values[:, ::2]), (f"{layer}.ffn_up_exps.{kind}", values[:, 1::2])]
