"""Trains one of the models for a given time and keeps the latest checkpoint.

    python train.py --model stories --data DIR --out stories.pt --minutes 60

The learning rate follows the clock, not a step count: however fast the machine is, the run ends when
it should and with a finished cosine.
"""

import argparse
import math
import time
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F

import model as m

BEGIN = 0  # The id of <s>.


class Batches:
    """Rows that begin with a story and go on with the next ones until the context is full."""

    def __init__(self, path: Path, context: int, rows: int, seed: int):
        self.tokens = numpy.fromfile(path, dtype=numpy.uint16)
        starts = numpy.flatnonzero(self.tokens == BEGIN)
        self.starts = starts[starts + context + 1 <= len(self.tokens)]
        self.context, self.rows = context, rows
        self.random = numpy.random.default_rng(seed)
        self.queue: list[int] = []

    def next(self) -> tuple[torch.Tensor, torch.Tensor]:
        if len(self.queue) < self.rows:
            # Every second story begins a row, since a row holds about two; the odd and the even ones
            # take turns from one pass to the next.
            self.queue = self.random.permutation(self.starts[self.random.integers(2)::2]).tolist()
        rows = numpy.stack([self.tokens[start:start + self.context + 1] for start in (self.queue.pop() for _ in range(self.rows))])
        tokens = torch.from_numpy(rows.astype(numpy.int64))
        return tokens[:, :-1], tokens[:, 1:]


def heldout_loss(config: m.Config, weights: m.Weights, table: tuple, batches: list) -> float:
    with torch.no_grad():
        losses = [F.cross_entropy(m.forward(config, weights, x, table)[0].flatten(0, 1), y.flatten()).item() for x, y in batches]
    return sum(losses) / len(losses)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=m.CONFIGS, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--rows", type=int, default=2)
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--balance", type=float, default=0.01, help="weight of the experts' balance loss")
    parser.add_argument("--save-minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", type=Path, help="a checkpoint to go on from, with a fresh optimizer")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    config = m.CONFIGS[arguments.model]
    weights, before = m.initial_weights(config, arguments.seed), 0
    if arguments.resume:
        config, weights, facts = m.load(arguments.resume)
        before = facts["tokens"]
    for w in weights.values():
        w.requires_grad_()
    print(f"{sum(w.numel() for w in weights.values())} parameters", flush=True)
    # Norms and the embedding are not decayed: rare tokens would only fade.
    kept = [w for name, w in weights.items() if w.dim() == 1 or "token_embd" in name]
    decayed = [w for name, w in weights.items() if not (w.dim() == 1 or "token_embd" in name)]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.1}, {"params": kept, "weight_decay": 0.0}],
                                  lr=arguments.rate, betas=(0.9, 0.98), fused=True)
    table = m.rope_table(config, config.context)
    batches = Batches(arguments.data / "train.bin", config.context, arguments.rows, arguments.seed)
    heldout = Batches(arguments.data / "heldout.bin", config.context, 8, 0)
    checks = [heldout.next() for _ in range(2)]

    def save(tokens: int) -> None:
        loss = heldout_loss(config, weights, table, checks)
        print(f"held-out loss {loss:.4f} after {tokens} tokens", flush=True)
        m.save(arguments.out, config, weights, tokens=tokens, heldout_loss=loss)

    begin = last_save = time.monotonic()
    seconds, step, mean = arguments.minutes * 60, 0, 0.0
    while (elapsed := time.monotonic() - begin) < seconds:
        progress = elapsed / seconds
        rate = arguments.rate * min((step + 1) / 60, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        x, y = batches.next()
        logits, balance = m.forward(config, weights, x, table)
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        (loss + arguments.balance * balance).backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        mean = loss.item() if step == 1 else 0.95 * mean + 0.05 * loss.item()
        if step % 50 == 0:
            print(f"step {step}  {elapsed:.0f} s  loss {mean:.4f}  balance {balance.item():.3f}  rate {rate:.5f}", flush=True)
        if time.monotonic() - last_save > arguments.save_minutes * 60:
            last_save = time.monotonic()
            save(before + step * arguments.rows * config.context)
    save(before + step * arguments.rows * config.context)


if __name__ == "__main__":
    main()
