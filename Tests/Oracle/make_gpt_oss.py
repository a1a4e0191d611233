#!/usr/bin/env python3
"""Makes a small random gpt-oss model with reference logits, in the form that check.py reads.

usage: make_gpt_oss.py SEED FOLDER

Writes FOLDER/llm/gpt_oss: the model as Hugging Face saves it, in float32, and `oracle/` with tokens, logits and a
greedy continuation (eager attention, one thread). The weights of the experts are values that MXFP4 has, so that a file
in that format holds the same model.
"""
import json
import random
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import GptOssConfig, GptOssForCausalLM

MXFP4 = gguf.GGMLQuantizationType.MXFP4


def rounded(weights: torch.Tensor) -> torch.Tensor:
    """The nearest values in MXFP4, in blocks along the inputs of each matrix: [experts, inputs, outputs]."""
    rows = np.ascontiguousarray(weights.transpose(1, 2).numpy())
    values = gguf.dequantize(gguf.quantize(rows, MXFP4), MXFP4).reshape(rows.shape)
    return torch.from_numpy(values).transpose(1, 2)


def randomise(model: GptOssForCausalLM, generator: torch.Generator) -> None:
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if "experts" in name and not name.endswith("bias"):
            # Large enough for some gates to reach their limit, but not for rounding to grow from layer to layer.
            parameter.data = rounded(noise * (3 if "gate_up" in name else 0.3) / parameter.shape[1] ** 0.5).contiguous()
        elif name.endswith("sinks"):
            parameter.data = noise
        elif name.endswith("bias") or "experts" in name:
            parameter.data = 0.3 * noise
        elif parameter.ndim == 1:
            parameter.data = 1 + 0.2 * noise
        elif "router" in name:
            parameter.data = 3 * noise / parameter.shape[-1] ** 0.5
        elif "embed_tokens" in name:
            parameter.data = 0.7 * noise
        else:
            parameter.data = noise / parameter.shape[-1] ** 0.5


def least_margin(model: GptOssForCausalLM, tokens: torch.Tensor) -> float:
    """The least distance of the logits of an expert that was chosen and of the next, over tokens and layers."""
    count = model.config.num_experts_per_tok
    rows: list[torch.Tensor] = []
    hooks = [layer.mlp.router.register_forward_hook(lambda module, inputs, result: rows.append(result[0]))
             for layer in model.model.layers]
    model(tokens)
    for hook in hooks:
        hook.remove()
    top = torch.cat(rows).topk(count + 1).values
    return float((top[:, count - 1] - top[:, count]).min())


def main(seed: int, folder: Path) -> None:
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    choice = random.Random(f"{seed}/gpt_oss")
    generator = torch.Generator().manual_seed(choice.randrange(2**31))
    heads = choice.choice([4, 6, 8])
    vocabulary = choice.choice([384, 416, 512])
    config = GptOssConfig(
        vocab_size=vocabulary, hidden_size=choice.choice([64, 96]), intermediate_size=choice.choice([32, 64, 96]),
        num_hidden_layers=choice.choice([2, 3, 4]), num_attention_heads=heads,
        num_key_value_heads=choice.choice([2, heads]), head_dim=choice.choice([16, 32]),
        num_local_experts=choice.choice([4, 8]), num_experts_per_tok=choice.choice([2, 3]), sliding_window=5,
        max_position_embeddings=128, tie_word_embeddings=False, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        rope_parameters={"rope_type": "yarn", "rope_theta": 150000.0, "factor": 4.0, "beta_fast": 32.0,
                         "beta_slow": 1.0, "truncate": False, "original_max_position_embeddings": 32})
    config._attn_implementation = "eager"
    config._experts_implementation = "eager"
    model = GptOssForCausalLM(config).eval()
    randomise(model, generator)
    out = folder / "llm/gpt_oss"
    (out / "oracle").mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    count = choice.randrange(8, 12)
    tokens, margin = None, -1.0
    # Rounding must not change which experts are chosen: then nothing could be compared.
    for _ in range(2000):
        candidate = torch.randint(4, vocabulary, (1, count), generator=generator)
        candidate[0, 0] = 1
        if (found := least_margin(model, candidate)) > margin:
            tokens, margin = candidate, found
        if margin > 0.15:
            break
    logits = model(tokens).logits
    ids = tokens
    for _ in range(12):
        ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], 1)
    np.save(out / "oracle/tokens.npy", tokens.numpy())
    np.save(out / "oracle/logits.npy", logits.numpy())
    np.save(out / "oracle/greedy.npy", ids[:, tokens.shape[1]:].numpy())
    print(out, json.dumps({"logit_absmax": float(logits.abs().max()), "router_margin": margin}))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(int(sys.argv[1]), Path(sys.argv[2]))
