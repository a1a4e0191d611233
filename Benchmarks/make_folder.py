#!/usr/bin/env python3
"""Writes a folder as Hugging Face tools save it, with random weights in bfloat16 in several files.

usage: make_folder.py FOLDER [--layers N] [--experts N]

The shape of Llama 3.2 1B, by default with as many layers as make 3 GB; with --experts each layer has so many experts
of 1,024 in place of its feed-forward network (the shape of Qwen3-MoE). Needs numpy. There is no tokenizer: run it
with `skein bench`.
"""
import argparse
import json
from pathlib import Path

import numpy as np

WIDTH, INNER, HEADS, KEY_HEADS, HEAD, VOCABULARY = 2048, 8192, 32, 8, 64, 128256


def matrices(layers: int, experts: int):
    yield "model.embed_tokens.weight", (VOCABULARY, WIDTH)
    for layer in range(layers):
        base = f"model.layers.{layer}."
        yield base + "input_layernorm.weight", (WIDTH,)
        yield base + "self_attn.q_proj.weight", (HEADS * HEAD, WIDTH)
        yield base + "self_attn.k_proj.weight", (KEY_HEADS * HEAD, WIDTH)
        yield base + "self_attn.v_proj.weight", (KEY_HEADS * HEAD, WIDTH)
        yield base + "self_attn.o_proj.weight", (WIDTH, HEADS * HEAD)
        yield base + "post_attention_layernorm.weight", (WIDTH,)
        if experts:
            yield base + "self_attn.q_norm.weight", (HEAD,)
            yield base + "self_attn.k_norm.weight", (HEAD,)
            yield base + "mlp.gate.weight", (experts, WIDTH)
            for expert in range(experts):
                for name, shape in [("gate_proj", (1024, WIDTH)), ("up_proj", (1024, WIDTH)),
                                    ("down_proj", (WIDTH, 1024))]:
                    yield f"{base}mlp.experts.{expert}.{name}.weight", shape
        else:
            yield base + "mlp.gate_proj.weight", (INNER, WIDTH)
            yield base + "mlp.up_proj.weight", (INNER, WIDTH)
            yield base + "mlp.down_proj.weight", (WIDTH, INNER)
    yield "model.norm.weight", (WIDTH,)


def configuration(layers: int, experts: int) -> dict:
    common = dict(vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=layers,
                  num_attention_heads=HEADS, num_key_value_heads=KEY_HEADS, head_dim=HEAD, rms_norm_eps=1e-5,
                  max_position_embeddings=131072, tie_word_embeddings=True, dtype="bfloat16", rope_theta=500000.0)
    if not experts:
        return dict(common, model_type="llama")
    return dict(common, model_type="qwen3_moe", num_experts=experts, num_experts_per_tok=4,
                moe_intermediate_size=1024, decoder_sparse_step=1, mlp_only_layers=[], norm_topk_prob=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int)
    parser.add_argument("--experts", type=int, default=0)
    arguments = parser.parse_args()
    layers = arguments.layers or (5 if arguments.experts else 20)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "config.json").write_text(json.dumps(configuration(layers, arguments.experts), indent=1))

    shards, size = [[]], 0
    for name, shape in matrices(layers, arguments.experts):
        count = int(np.prod(shape)) * 2
        if size + count > 900 << 20:
            shards.append([])
            size = 0
        shards[-1].append((name, shape, count))
        size += count
    random = np.random.default_rng(1)
    weight_map = {}
    for index, shard in enumerate(shards, 1):
        file = f"model-{index:05}-of-{len(shards):05}.safetensors"
        header, offset = {}, 0
        for name, shape, count in shard:
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + count]}
            offset += count
            weight_map[name] = file
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(arguments.folder / file, "wb") as out:
            out.write(len(text).to_bytes(8, "little") + text)
            for name, shape, count in shard:
                values = random.standard_normal(count // 2, dtype=np.float32)
                values = 1 + 0.1 * values if len(shape) == 1 else values / np.sqrt(np.float32(shape[-1]))
                out.write((values.view(np.uint32) >> 16).astype(np.uint16).tobytes())
    index = {"metadata": {}, "weight_map": weight_map}
    (arguments.folder / "model.safetensors.index.json").write_text(json.dumps(index))


if __name__ == "__main__":
    main()
