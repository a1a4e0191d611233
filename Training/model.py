"""The two small language models, written as functions of named weights.

The weights carry the names that they have in a GGUF file, and rotary position embedding turns
neighboring pairs of values, as llama.cpp does, so that exporting neither renames nor reorders.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Config:
    architecture: str = "llama"
    vocabulary: int = 2048
    width: int = 256
    layers: int = 5
    heads: int = 8
    kv_heads: int = 4
    head_width: int = 32
    feed_forward: int = 768
    context: int = 512
    rope_base: float = 10000.0
    norm_epsilon: float = 1e-5
    # Multi-head latent attention.
    q_rank: int = 0
    kv_rank: int = 0
    nope_width: int = 0
    rope_width: int = 32
    value_width: int = 32
    # Experts, in every layer after the leading dense ones.
    dense_layers: int = 0
    experts: int = 0
    experts_used: int = 0
    shared_experts: int = 0
    expert_feed_forward: int = 0
    experts_scale: float = 1.0


CONFIGS = {
    "stories": Config(),
    # The epsilon is 1e-6, since Hugging Face fixes that value for the norms of the latents. The queries
    # have a latent, too: llama.cpp reads a deepseek2 file without one only at 26, 27 or 48 layers.
    "stories-moe": Config(
        architecture="deepseek2", layers=4, kv_heads=1, norm_epsilon=1e-6, q_rank=128, kv_rank=64, nope_width=32,
        dense_layers=1, experts=8, experts_used=2, shared_experts=1, expert_feed_forward=256),
}


def weight_shapes(c: Config) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (c.vocabulary, c.width), "output_norm.weight": (c.width,)}
    for layer in range(c.layers):
        block: dict[str, tuple[int, ...]] = {"attn_norm": (c.width,), "ffn_norm": (c.width,)}
        if c.architecture == "llama":
            block |= {"attn_q": (c.heads * c.head_width, c.width), "attn_k": (c.kv_heads * c.head_width, c.width),
                      "attn_v": (c.kv_heads * c.head_width, c.width), "attn_output": (c.width, c.heads * c.head_width)}
        else:
            block |= {"attn_q_a": (c.q_rank, c.width), "attn_q_a_norm": (c.q_rank,),
                      "attn_q_b": (c.heads * (c.nope_width + c.rope_width), c.q_rank),
                      "attn_kv_a_mqa": (c.kv_rank + c.rope_width, c.width), "attn_kv_a_norm": (c.kv_rank,),
                      "attn_kv_b": (c.heads * (c.nope_width + c.value_width), c.kv_rank),
                      "attn_output": (c.width, c.heads * c.value_width)}
        if c.experts == 0 or layer < c.dense_layers:
            block |= {"ffn_gate": (c.feed_forward, c.width), "ffn_up": (c.feed_forward, c.width), "ffn_down": (c.width, c.feed_forward)}
        else:
            inner, shared = c.expert_feed_forward, c.shared_experts * c.expert_feed_forward
            block |= {"ffn_gate_inp": (c.experts, c.width),
                      "ffn_gate_exps": (c.experts, inner, c.width), "ffn_up_exps": (c.experts, inner, c.width),
                      "ffn_down_exps": (c.experts, c.width, inner),
                      "ffn_gate_shexp": (shared, c.width), "ffn_up_shexp": (shared, c.width), "ffn_down_shexp": (c.width, shared)}
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in block.items()}
    return shapes


def initial_weights(c: Config, seed: int) -> Weights:
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in weight_shapes(c).items():
        if name.endswith("norm.weight"):
            weights[name] = torch.ones(shape)
            continue
        deviation = 0.02 if "token_embd" in name or "gate_inp" in name else shape[-1] ** -0.5 * 0.6
        if "attn_output" in name or "ffn_down" in name:  # These add to the residual stream, once for each half layer.
            deviation /= (2 * c.layers) ** 0.5
        weights[name] = torch.randn(shape, generator=generator) * deviation
    return weights


def norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    return F.rms_norm(x, weight.shape, weight, epsilon)


def rope_table(c: Config, length: int) -> tuple[Tensor, Tensor]:
    frequency = c.rope_base ** (-torch.arange(0, c.rope_width, 2, dtype=torch.float32) / c.rope_width)
    angle = torch.arange(length, dtype=torch.float32)[:, None] * frequency
    return angle.cos(), angle.sin()


def rotate(x: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """x: (batch, heads, length, rope width); turns each pair (x[2i], x[2i + 1])."""
    cosine, sine = table
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), dim=-1).flatten(-2)


def attention(c: Config, weights: Weights, block: str, x: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    batch, length, _ = x.shape

    def heads(y: Tensor, count: int) -> Tensor:
        return y.view(batch, length, count, -1).transpose(1, 2)

    if c.architecture == "llama":
        q = rotate(heads(F.linear(x, weights[block + "attn_q.weight"]), c.heads), table)
        k = rotate(heads(F.linear(x, weights[block + "attn_k.weight"]), c.kv_heads), table)
        v = heads(F.linear(x, weights[block + "attn_v.weight"]), c.kv_heads)
        k, v = (y.repeat_interleave(c.heads // c.kv_heads, dim=1) for y in (k, v))
    else:
        q_latent = norm(F.linear(x, weights[block + "attn_q_a.weight"]), weights[block + "attn_q_a_norm.weight"], c.norm_epsilon)
        q_nope, q_rope = heads(F.linear(q_latent, weights[block + "attn_q_b.weight"]), c.heads).split([c.nope_width, c.rope_width], dim=-1)
        latent, k_rope = F.linear(x, weights[block + "attn_kv_a_mqa.weight"]).split([c.kv_rank, c.rope_width], dim=-1)
        latent = norm(latent, weights[block + "attn_kv_a_norm.weight"], c.norm_epsilon)
        k_nope, v = heads(F.linear(latent, weights[block + "attn_kv_b.weight"]), c.heads).split([c.nope_width, c.value_width], dim=-1)
        q = torch.cat((q_nope, rotate(q_rope, table)), dim=-1)
        k = torch.cat((k_nope, rotate(heads(k_rope, 1), table).expand(-1, c.heads, -1, -1)), dim=-1)
    # The fast attention kernel wants values as wide as keys; without the zeros, training takes 1.5 times as long.
    width = v.shape[-1]
    mixed = F.scaled_dot_product_attention(q, k, F.pad(v, (0, q.shape[-1] - width)), is_causal=True)[..., :width]
    return F.linear(mixed.transpose(1, 2).flatten(2), weights[block + "attn_output.weight"])


def feed_forward(x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def experts(c: Config, weights: Weights, block: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the output and the balance loss, which is 1 when all experts are used equally."""
    probability = F.linear(x, weights[block + "ffn_gate_inp.weight"]).softmax(dim=-1)
    chosen = probability.topk(c.experts_used, dim=-1)
    share = torch.bincount(chosen.indices.flatten(), minlength=c.experts).float() / chosen.indices.numel()
    balance = c.experts * (share * probability.mean(dim=0)).sum()

    # Sorting the (token, expert) pairs by expert gives each expert one contiguous slice.
    order = chosen.indices.flatten().argsort(stable=True)
    token = order // c.experts_used
    counts = torch.bincount(chosen.indices.flatten(), minlength=c.experts).tolist()
    slices = x[token].split(counts)
    gate, up, down = (weights[block + f"ffn_{part}_exps.weight"] for part in ("gate", "up", "down"))
    outputs = [feed_forward(slices[i], gate[i], up[i], down[i]) for i in range(c.experts)]
    scale = chosen.values.flatten()[order, None] * c.experts_scale
    routed = torch.zeros_like(x).index_add(0, token, torch.cat(outputs) * scale)
    shared = feed_forward(x, *(weights[block + f"ffn_{part}_shexp.weight"] for part in ("gate", "up", "down")))
    return routed + shared, balance


def forward(c: Config, weights: Weights, tokens: Tensor, table: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """tokens: (batch, length). Returns logits (batch, length, vocabulary) and the mean balance loss."""
    x = F.embedding(tokens, weights["token_embd.weight"])
    balances = []
    for layer in range(c.layers):
        block = f"blk.{layer}."
        x = x + attention(c, weights, block, norm(x, weights[block + "attn_norm.weight"], c.norm_epsilon), table)
        y = norm(x, weights[block + "ffn_norm.weight"], c.norm_epsilon)
        if c.experts == 0 or layer < c.dense_layers:
            x = x + feed_forward(y, *(weights[block + f"ffn_{part}.weight"] for part in ("gate", "up", "down")))
        else:
            added, balance = experts(c, weights, block, y.flatten(0, 1))
            x = x + added.view_as(x)
            balances.append(balance)
    x = norm(x, weights["output_norm.weight"], c.norm_epsilon)
    balance = torch.stack(balances).mean() if balances else torch.zeros(())
    return F.linear(x, weights["token_embd.weight"]), balance


def save(path: Path, c: Config, weights: Weights, **facts: float | int | str) -> None:
    # Written beside and renamed, so that a reader never meets half a file.
    temporary = path.with_suffix(".partial")
    torch.save({"config": asdict(c), "weights": {name: w.detach().clone() for name, w in weights.items()}, "facts": facts}, temporary)
    temporary.replace(path)


def load(path: Path) -> tuple[Config, Weights, dict]:
    saved = torch.load(path, weights_only=True)
    return Config(**saved["config"]), saved["weights"], saved["facts"]
