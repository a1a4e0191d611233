#!/usr/bin/env python3
"""Makes a GGUF model of random weights, for measuring speed.

usage: make_model.py OUT.gguf [--type Q8_0] [--shape llama-1b]

The weights are drawn directly as blocks of the format, so a billion parameters take seconds. The text that
such a model writes means nothing; what it costs to write it is that of a real one. Needs the Python
packages numpy and gguf.
"""
import argparse

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

# layers, width, feed-forward width, heads, key-value heads, head width, vocabulary, rope base
SHAPES = {
    "llama-1b": (16, 2048, 8192, 32, 8, 64, 128_256, 500_000.0),  # Llama 3.2 1B, tied head
    "llama-100m": (8, 768, 2048, 12, 4, 64, 32_000, 10_000.0),
}
# Where the float16 scales lie in a block of each format, in bytes.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0],
}
# How far below zero the second scale reaches, so that values lie round zero.
SHIFT = {"Q4_1": -7.5, "Q5_1": -15.5, "Q2_K": 1.5, "Q4_K": 7.5, "Q5_K": 15.5}
# The scale that gives values a deviation of about 0.02.
DEVIATION = {
    "Q4_0": 4.3e-3, "Q4_1": 4.3e-3, "Q5_0": 2.2e-3, "Q5_1": 2.2e-3, "Q8_0": 2.7e-4, "Q2_K": 2.5e-3,
    "Q3_K": 4.5e-4, "Q4_K": 1.3e-4, "Q5_K": 6.5e-5, "Q6_K": 1.5e-5, "IQ4_NL": 3e-4, "IQ4_XS": 1.5e-5,
}


def matrix(rng: np.random.Generator, rows: int, columns: int, kind: str) -> np.ndarray:
    if kind in ("F32", "F16", "BF16"):
        values = rng.standard_normal((rows, columns), dtype=np.float32) * np.float32(0.02)
        if kind == "BF16":
            return (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
        return values.astype(np.float16 if kind == "F16" else np.float32)
    elements, size = gguf.GGML_QUANT_SIZES[Type[kind]]
    blocks = rng.integers(0, 256, (rows, columns // elements, size), dtype=np.uint8)
    for offset, factor in zip(SCALES[kind], (1.0, SHIFT.get(kind, 0.0))):
        scale = np.float16(DEVIATION[kind] * factor)
        blocks[:, :, offset:offset + 2] = np.frombuffer(scale.tobytes(), np.uint8)
    return blocks.reshape(rows, -1)


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("out")
    parser.add_argument("--type", default="Q8_0", choices=sorted(SCALES) + ["F32", "F16", "BF16"])
    parser.add_argument("--shape", default="llama-1b", choices=sorted(SHAPES))
    arguments = parser.parse_args()
    layers, width, feed_forward, heads, kv_heads, head_width, vocabulary, base = SHAPES[arguments.shape]
    rng = np.random.Generator(np.random.SFC64(1))

    writer = gguf.GGUFWriter(arguments.out, "llama")
    writer.add_name(f"random {arguments.shape}")
    writer.add_block_count(layers)
    writer.add_context_length(32_768)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_dimension_count(head_width)
    writer.add_rope_freq_base(base)
    writer.add_layer_norm_rms_eps(1e-5)
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    tokens += [f"\u2581word{i}" for i in range(vocabulary - len(tokens))]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(i) for i in range(vocabulary)])
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * (vocabulary - 259))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)

    def add(name: str, rows: int, columns: int) -> None:
        kind = None if arguments.type in ("F32", "F16") else Type[arguments.type]
        writer.add_tensor(name, matrix(rng, rows, columns, arguments.type), raw_dtype=kind)

    add("token_embd.weight", vocabulary, width)
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    for layer in range(layers):
        stem = f"blk.{layer}."
        writer.add_tensor(stem + "attn_norm.weight", np.ones(width, np.float32))
        writer.add_tensor(stem + "ffn_norm.weight", np.ones(width, np.float32))
        add(stem + "attn_q.weight", heads * head_width, width)
        add(stem + "attn_k.weight", kv_heads * head_width, width)
        add(stem + "attn_v.weight", kv_heads * head_width, width)
        add(stem + "attn_output.weight", width, heads * head_width)
        add(stem + "ffn_gate.weight", feed_forward, width)
        add(stem + "ffn_up.weight", feed_forward, width)
        add(stem + "ffn_down.weight", width, feed_forward)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
