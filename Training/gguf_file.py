"""Reads and writes the models as GGUF, with the keys and tensor names that llama.cpp uses."""

import json
from pathlib import Path

import gguf
import numpy
import torch

from model import Config, Weights

DESCRIPTIONS = {
    "stories": "Writes short stories for children in simple English. A llama model, made to show and test an inference engine.",
    "stories-moe": "Writes short stories for children in simple English. A mixture-of-experts model with latent attention, "
                   "made to show and test an inference engine.",
}


def write(path: Path, name: str, c: Config, weights: Weights, tokenizer: Path) -> None:
    writer = gguf.GGUFWriter(path, c.architecture)
    writer.add_type("model")
    writer.add_name(name)
    writer.add_description(DESCRIPTIONS[name])
    writer.add_license("apache-2.0")
    writer.add_languages(["en"])
    writer.add_tags(["text-generation"])
    writer.add_size_label(f"{sum(w.numel() for w in weights.values()) / 1e6:.1f}M")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    add_shape(writer, c)
    add_tokenizer(writer, tokenizer, c.vocabulary)
    for tensor, w in split_latent(c, weights).items():
        array = w.detach().float().contiguous().numpy()
        # Vectors are tiny, and a rounded router would choose other experts.
        kind = gguf.GGMLQuantizationType.F32 if array.ndim == 1 or "ffn_gate_inp" in tensor else gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(tensor, gguf.quants.quantize(array, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_shape(writer: gguf.GGUFWriter, c: Config) -> None:
    writer.add_vocab_size(c.vocabulary)
    writer.add_context_length(c.context)
    writer.add_embedding_length(c.width)
    writer.add_block_count(c.layers)
    writer.add_feed_forward_length(c.feed_forward)
    writer.add_head_count(c.heads)
    writer.add_head_count_kv(c.kv_heads)
    writer.add_layer_norm_rms_eps(c.norm_epsilon)
    writer.add_rope_freq_base(c.rope_base)
    writer.add_rope_dimension_count(c.rope_width)
    if c.architecture == "llama":
        writer.add_key_length(c.head_width)
        writer.add_value_length(c.head_width)
        return
    # What is cached is one latent and one rotated key for all heads, so to the cache this is
    # multi-query attention with wide heads; the lengths with "mla" are those of the heads themselves.
    writer.add_key_length(c.kv_rank + c.rope_width)
    writer.add_value_length(c.kv_rank)
    writer.add_key_length_mla(c.nope_width + c.rope_width)
    writer.add_value_length_mla(c.value_width)
    writer.add_q_lora_rank(c.q_rank)
    writer.add_kv_lora_rank(c.kv_rank)
    writer.add_leading_dense_block_count(c.dense_layers)
    writer.add_expert_count(c.experts)
    writer.add_expert_used_count(c.experts_used)
    writer.add_expert_shared_count(c.shared_experts)
    writer.add_expert_feed_forward_length(c.expert_feed_forward)
    writer.add_expert_weights_scale(c.experts_scale)
    writer.add_expert_weights_norm(False)
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SOFTMAX)


def add_tokenizer(writer: gguf.GGUFWriter, path: Path, vocabulary: int) -> None:
    saved = json.loads(path.read_text())
    control = [token["id"] for token in saved["added_tokens"]]
    tokens = sorted(saved["model"]["vocab"], key=saved["model"]["vocab"].get)
    assert len(tokens) == vocabulary and tokens[:2] == ["<s>", "</s>"]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in saved["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if i in control else gguf.TokenType.NORMAL for i in range(vocabulary)])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)


def split_latent(c: Config, weights: Weights) -> Weights:
    """Splits each attn_kv_b (heads x (nope + value), rank) into attn_k_b and attn_v_b, a matrix for each head."""
    result: Weights = {}
    for name, w in weights.items():
        if "attn_kv_b" in name:
            k, v = w.view(c.heads, -1, c.kv_rank).split([c.nope_width, c.value_width], dim=1)
            result[name.replace("kv_b", "k_b")] = k.transpose(1, 2)  # Turned, since it is applied to the queries.
            result[name.replace("kv_b", "v_b")] = v
        else:
            result[name] = w
    return result


def join_latent(weights: Weights) -> Weights:
    result = {name: w for name, w in weights.items() if "attn_k_b" not in name and "attn_v_b" not in name}
    for name, k in weights.items():
        if "attn_k_b" in name:
            joined = torch.cat((k.transpose(1, 2), weights[name.replace("k_b", "v_b")]), dim=1)
            result[name.replace("k_b", "kv_b")] = joined.flatten(0, 1)
    return result


def read(path: Path) -> tuple[Config, Weights]:
    """Returns the model with its weights dequantized to 32-bit floats."""
    reader = gguf.GGUFReader(path)
    architecture = reader.fields["general.architecture"].contents()

    def value(key: str, default: float | int = 0) -> float | int:
        field = reader.fields.get(f"{architecture}.{key}")
        return field.contents() if field else default

    c = Config(
        architecture=architecture, vocabulary=value("vocab_size"), width=value("embedding_length"), layers=value("block_count"),
        heads=value("attention.head_count"), kv_heads=value("attention.head_count_kv"), head_width=value("attention.key_length"),
        feed_forward=value("feed_forward_length"), context=value("context_length"), rope_base=value("rope.freq_base"),
        norm_epsilon=value("attention.layer_norm_rms_epsilon"), q_rank=value("attention.q_lora_rank"), kv_rank=value("attention.kv_lora_rank"),
        nope_width=value("attention.key_length_mla", value("rope.dimension_count")) - value("rope.dimension_count"),
        rope_width=value("rope.dimension_count"), value_width=value("attention.value_length_mla", value("attention.value_length")),
        dense_layers=value("leading_dense_block_count"), experts=value("expert_count"), experts_used=value("expert_used_count"),
        shared_experts=value("expert_shared_count"), expert_feed_forward=value("expert_feed_forward_length"),
        experts_scale=value("expert_weights_scale", 1.0))
    weights = {}
    for tensor in reader.tensors:
        array = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        weights[tensor.name] = torch.from_numpy(array.reshape([int(n) for n in reversed(tensor.shape)]).copy())
    return c, join_latent(weights)
