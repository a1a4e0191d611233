#!/usr/bin/env python3
"""Makes a GGUF mixture of experts of random weights, for measuring speed.

usage: make_moe_model.py OUT.gguf [--type Q8_0] [--layers 12] [--experts 32] [--chosen 4] [--width 1024]
                         [--expert-width 512] [--heads 16] [--key-value-heads 4] [--vocabulary 8192] [--skew 0]

The family is that of Qwen3-MoE. Weights are drawn as in make_model.py, blocks of the format at once. With --skew
above 0 some experts are chosen more often than others: their rows of the router are longer. Needs the Python
packages numpy and gguf.
"""
import argparse

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from make_model import SCALES, matrix

HEAD_WIDTH = 64


def header(writer: gguf.GGUFWriter, a: argparse.Namespace) -> None:
    writer.add_name("random mixture")
    writer.add_block_count(a.layers)
    writer.add_context_length(32_768)
    writer.add_embedding_length(a.width)
    writer.add_feed_forward_length(3 * a.width)
    writer.add_head_count(a.heads)
    writer.add_head_count_kv(a.key_value_heads)
    writer.add_key_length(HEAD_WIDTH)
    writer.add_value_length(HEAD_WIDTH)
    writer.add_rope_dimension_count(HEAD_WIDTH)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_expert_count(a.experts)
    writer.add_expert_used_count(a.chosen)
    writer.add_expert_feed_forward_length(a.expert_width)
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    tokens += [f"\u2581word{i}" for i in range(a.vocabulary - len(tokens))]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(i) for i in range(a.vocabulary)])
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * (a.vocabulary - 259))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("out")
    parser.add_argument("--type", default="Q8_0", choices=sorted(SCALES) + ["F32", "F16"])
    for name, value in [("layers", 12), ("experts", 32), ("chosen", 4), ("width", 1024), ("expert-width", 512),
                        ("heads", 16), ("key-value-heads", 4), ("vocabulary", 8192)]:
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--skew", type=float, default=0.0)
    a = parser.parse_args()
    if a.vocabulary < 259:
        parser.error("--vocabulary is below 259: special tokens and bytes")
    rng = np.random.Generator(np.random.SFC64(1))
    writer = gguf.GGUFWriter(a.out, "qwen3moe")
    header(writer, a)
    kind = None if a.type in ("F32", "F16") else Type[a.type]
    parameters = 0

    def add(name: str, rows: int, columns: int, stack: int = 0) -> None:
        nonlocal parameters
        values = matrix(rng, max(stack, 1) * rows, columns, a.type)
        if stack:
            values = values.reshape(stack, rows, -1)
        parameters += max(stack, 1) * rows * columns
        writer.add_tensor(name, values, raw_dtype=kind)

    def ones(name: str, count: int) -> None:
        writer.add_tensor(name, np.ones(count, np.float32))

    add("token_embd.weight", a.vocabulary, a.width)
    for layer in range(a.layers):
        block = f"blk.{layer}"
        for name, count in [("attn_norm", a.width), ("ffn_norm", a.width), ("attn_q_norm", HEAD_WIDTH),
                            ("attn_k_norm", HEAD_WIDTH)]:
            ones(f"{block}.{name}.weight", count)
        add(f"{block}.attn_q.weight", a.heads * HEAD_WIDTH, a.width)
        add(f"{block}.attn_k.weight", a.key_value_heads * HEAD_WIDTH, a.width)
        add(f"{block}.attn_v.weight", a.key_value_heads * HEAD_WIDTH, a.width)
        add(f"{block}.attn_output.weight", a.width, a.heads * HEAD_WIDTH)
        router = rng.standard_normal((a.experts, a.width), dtype=np.float32) * np.float32(0.05)
        if a.skew:
            # Rows of different length: the longest have the largest logits, for half of all tokens.
            lengths = 1 + a.skew * rng.permutation(np.linspace(0, 1, a.experts) ** 2)
            router *= lengths[:, None].astype(np.float32)
        writer.add_tensor(f"{block}.ffn_gate_inp.weight", router)
        add(f"{block}.ffn_gate_exps.weight", a.expert_width, a.width, a.experts)
        add(f"{block}.ffn_up_exps.weight", a.expert_width, a.width, a.experts)
        add(f"{block}.ffn_down_exps.weight", a.width, a.expert_width, a.experts)
    ones("output_norm.weight", a.width)
    add("output.weight", a.vocabulary, a.width)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"{a.out}: {parameters / 1e6:.0f} million parameters")


if __name__ == "__main__":
    main()
