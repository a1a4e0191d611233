#!/usr/bin/env python3
"""Makes small folders as Hugging Face tools save models, with reference logits.

usage: make_folder_fixtures.py FOLDER [NAME...]

For each model, or those that are named: FOLDER/NAME with `config.json`, safetensors files and `reference.json`: a prompt
and the logits of all its tokens, computed by `transformers` in float32 (eager attention) with the values that the files
hold: what is stored in 8 or 4 bits is decoded first. Needs torch, transformers, safetensors and numpy.
"""
import json
import shutil
import sys
import zlib
from pathlib import Path

import torch
import transformers as T
from safetensors.torch import save_file

torch.set_grad_enabled(False)
torch.set_num_threads(1)
F4 = torch.tensor([0, .5, 1, 1.5, 2, 3, 4, 6, -0., -.5, -1, -1.5, -2, -3, -4, -6])


def shape(**changes) -> dict:
    return dict(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, pad_token_id=0, bos_token_id=1,
        eos_token_id=2) | changes


def default_rope(**changes) -> dict:
    return dict(rope_type="default", rope_theta=10_000.0, **changes)


def qwen3_moe():
    return T.Qwen3MoeConfig(**shape(), head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=20,
                            decoder_sparse_step=1, tie_word_embeddings=True, norm_topk_prob=True)


def gpt2():
    return T.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_inner=48, vocab_size=64, n_positions=32, bos_token_id=1,
                        eos_token_id=2, pad_token_id=0)


def gpt_oss():
    return T.GptOssConfig(
        **shape(intermediate_size=32), head_dim=16, sliding_window=6, num_local_experts=4, num_experts_per_tok=2,
        tie_word_embeddings=False,
        rope_parameters=dict(rope_type="yarn", rope_theta=150_000.0, factor=4.0, beta_fast=32.0, beta_slow=1.0,
                             truncate=False, original_max_position_embeddings=16))


def deepseek_v3():
    # Blocks of 128 are cut short along rows and columns alike.
    return T.DeepseekV3Config(
        **shape(hidden_size=132, intermediate_size=130, num_key_value_heads=4), kv_lora_rank=16, qk_nope_head_dim=12,
        qk_rope_head_dim=8, v_head_dim=10, q_lora_rank=16, n_routed_experts=4, num_experts_per_tok=2, n_group=2,
        topk_group=1, n_shared_experts=1, moe_intermediate_size=12, first_k_dense_replace=1, tie_word_embeddings=True,
        norm_topk_prob=True, routed_scaling_factor=2.5, rope_parameters=default_rope())


def randomize(model: torch.nn.Module, seed: int) -> None:
    """Weights of a size that makes every layer matter."""
    generator = torch.Generator().manual_seed(seed)
    biases = [(name, buffer) for name, buffer in model.named_buffers() if "e_score_correction_bias" in name]
    for name, parameter in list(model.named_parameters()) + biases:
        values = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim == 1 or name.endswith("bias"):
            # Gemma adds 1 itself.
            values = 0.2 * values + (0 if name.endswith("bias") or "Gemma" in type(model).__name__ else 1)
        elif "embed_in" not in name and ("embed_tokens" in name or "wte" in name or "wpe" in name):
            values = 0.3 * values
        elif "GPT2" in type(model).__name__ or ("GptOss" in type(model).__name__ and "experts" in name):
            values = values / parameter.shape[-2] ** 0.5
        else:
            values = values / parameter.shape[-1] ** 0.5
        parameter.copy_(values)


# What files hold. Each of these takes the model's state, gives it the values that are stored, and returns the tensors.


def plain(state: dict, dtype: torch.dtype) -> dict:
    for value in state.values():
        value.copy_(value.to(dtype).float())
    return {name: value.to(dtype) for name, value in state.items()}


def one_by_one(tensors: dict) -> dict:
    """A matrix for each expert, as files have had them for long."""
    out = {}
    for name, value in tensors.items():
        outer, _, last = name.rpartition(".")
        if last == "gate_up_proj" and outer.endswith("experts"):
            for expert, (gate, up) in enumerate(zip(*value.chunk(2, dim=1))):
                out[f"{outer}.{expert}.gate_proj.weight"] = gate
                out[f"{outer}.{expert}.up_proj.weight"] = up
        elif last == "down_proj" and outer.endswith("experts"):
            for expert, down in enumerate(value):
                out[f"{outer}.{expert}.down_proj.weight"] = down
        else:
            out[name] = value
    return out


def float8(state: dict) -> dict:
    """As DeepSeek-V3 has them: 8-bit numbers with a factor for each block of 128 x 128. Routers, norms and embeddings
    stay bfloat16, and the bias that only chooses experts float32."""
    out = {}
    for name, value in one_by_one(state).items():
        if "_proj" not in name or value.ndim != 2:
            exact = "e_score_correction_bias" in name
            value.copy_(value if exact else value.bfloat16().float())
            out[name] = value if exact else value.bfloat16()
            continue
        codes = torch.empty(value.shape, dtype=torch.float8_e4m3fn)
        factors = torch.empty([-(-extent // 128) for extent in value.shape])
        for i in range(factors.shape[0]):
            for j in range(factors.shape[1]):
                block = (slice(128 * i, 128 * i + 128), slice(128 * j, 128 * j + 128))
                factors[i, j] = value[block].abs().max() / 448
                codes[block] = (value[block] / factors[i, j]).to(torch.float8_e4m3fn)
                value[block] = codes[block].float() * factors[i, j]
        out[name], out[name + "_scale_inv"] = codes, factors
    return out


def mxfp4(state: dict) -> dict:
    """As gpt-oss has them: experts' rows in runs of 32 four-bit numbers, two a byte, with an exponent each."""
    out = {}
    for name, value in state.items():
        if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            value.copy_(value.bfloat16().float())
            out[name] = value.bfloat16()
            continue
        rows = value.transpose(1, 2).reshape(value.shape[0], value.shape[2], -1, 32)
        exponents = torch.floor(torch.log2(rows.abs().amax(-1))) - 2
        scaled = rows / torch.exp2(exponents)[..., None]
        codes = (scaled[..., None] - F4).abs().argmin(-1)
        decoded = F4[codes] * torch.exp2(exponents)[..., None]
        value.copy_(decoded.reshape(value.shape[0], value.shape[2], -1).transpose(1, 2))
        out[name + "_blocks"] = (codes[..., 0::2] | codes[..., 1::2] << 4).to(torch.uint8)
        out[name + "_scales"] = (exponents + 127).to(torch.uint8)
    return out


def gpt2_bare(state: dict) -> dict:
    """As the first files of GPT-2: the model without its head, and the masks that its code kept."""
    tensors = plain(state, torch.float32)
    del tensors["lm_head.weight"]
    out = {name.removeprefix("transformer."): value for name, value in tensors.items()}
    for layer in range(2):
        out[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 8, 8).tril()
    return out


def gpt_neox_old(state: dict) -> dict:
    out = plain(state, torch.float16)
    # As transformers saves it, whatever it calls it in memory.
    out["embed_out.weight"] = out.pop("lm_head.weight")
    for layer in range(2):
        name = f"gpt_neox.layers.{layer}.attention."
        out |= {name + "bias": torch.ones(1, 1, 8, 8, dtype=torch.bool).tril(),
                name + "masked_bias": torch.tensor(-1e9), name + "rotary_emb.inv_freq": torch.ones(2)}
    return out


BF16, F32 = torch.bfloat16, torch.float32
FP8 = dict(quant_method="fp8", fmt="e4m3", activation_scheme="dynamic", weight_block_size=[128, 128])
# Name: configuration, tensors, number of files, more of the configuration.
MODELS = {
    "llama": (lambda: T.LlamaConfig(**shape(), tie_word_embeddings=True, rope_parameters=default_rope()),
              lambda state: plain({k: v for k, v in state.items() if k != "lm_head.weight"}, BF16), 3, {}),
    "qwen3-moe": (qwen3_moe, lambda state: one_by_one(plain(state, BF16)), 2, {}),
    "qwen3-moe-fused": (qwen3_moe, lambda state: plain(state, BF16), 1, {}),
    "gpt2": (gpt2, lambda state: plain(state, BF16), 1, {}),
    "gpt2-bare": (gpt2, gpt2_bare, 1, {}),
    "gpt-neox": (lambda: T.GPTNeoXConfig(
        **shape(), hidden_act="gelu", use_parallel_residual=True, tie_word_embeddings=False,
        rope_parameters=default_rope(partial_rotary_factor=0.5)), gpt_neox_old, 1, {}),
    "gemma2": (lambda: T.Gemma2Config(
        **shape(), head_dim=16, sliding_window=6, query_pre_attn_scalar=20, attn_logit_softcapping=4.0,
        final_logit_softcapping=3.0), lambda state: plain(state, BF16), 1, {}),
    "phi3": (lambda: T.Phi3Config(**shape(), tie_word_embeddings=False, rope_parameters=default_rope()),
             lambda state: plain(state, F32), 1, {}),
    "deepseek-v3-f8": (deepseek_v3, float8, 2, dict(quantization_config=FP8)),
    "gpt-oss": (gpt_oss, lambda state: plain(state, BF16), 1, {}),
    "gpt-oss-mxfp4": (gpt_oss, mxfp4, 1, dict(quantization_config=dict(quant_method="mxfp4"))),
}


def make(configuration):
    configuration = configuration()
    model = T.AutoModelForCausalLM.from_config(configuration, attn_implementation="eager").float().eval()
    model.config._experts_implementation = "eager"
    # Two ways of storing one model hold the same weights.
    randomize(model, zlib.crc32(configuration.model_type.encode()))
    return model


def steady_prompt(model: torch.nn.Module) -> list[int]:
    """Of many prompts the one whose logits change least where weights are a little off: rounding must not change which
    experts are chosen, or nothing could be compared."""
    generator = torch.Generator().manual_seed(3)
    prompts = torch.randint(3, 64, (60, 12), generator=generator)
    exact = model(prompts).logits
    saved = {name: value.clone() for name, value in model.state_dict().items()}
    worst = torch.zeros(len(prompts))
    for _ in range(3):
        for name, value in model.named_parameters():
            value.copy_(saved[name] * (1 + 0.01 * torch.randn(value.shape, generator=generator)))
        worst = torch.maximum(worst, (model(prompts).logits - exact).abs().amax((1, 2)))
    model.load_state_dict(saved)
    return prompts[worst.argmin()].tolist()


def save(tensors: dict, count: int, folder: Path) -> None:
    tensors = {name: value.detach().contiguous().clone() for name, value in tensors.items()}
    if count == 1:
        return save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    files, weight_map = [f"model-{i + 1:05}-of-{count:05}.safetensors" for i in range(count)], {}
    for index, file in enumerate(files):
        # Tensors that belong together are in different files.
        names = sorted(tensors)[index::count]
        save_file({name: tensors[name] for name in names}, folder / file, metadata={"format": "pt"})
        weight_map |= {name: file for name in names}
    index = {"metadata": {"total_size": sum(t.nbytes for t in tensors.values())}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")


def main(root: Path, names: list[str]) -> None:
    for name, (configuration, stored, count, more) in MODELS.items():
        if names and name not in names:
            continue
        model = make(configuration)
        folder = root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        tensors = stored(model.state_dict())
        save(tensors, count, folder)
        keys = {k: v for k, v in model.config.to_dict().items() if not k.startswith("_")} | more
        (folder / "config.json").write_text(json.dumps(keys, indent=1, sort_keys=True) + "\n")
        prompt = steady_prompt(model)
        logits = model(torch.tensor([prompt])).logits[0]
        reference = {"prompt": prompt, "logits": [[float(f"{x:.7g}") for x in row] for row in logits.tolist()]}
        (folder / "reference.json").write_text(json.dumps(reference) + "\n")
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(name, size, "bytes, largest logit", float(logits.abs().max()))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
