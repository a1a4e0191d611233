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
from tokenizers import Tokenizer

import model as m
import stories_grammar as g

BEGIN, END = 0, 1


class Batches:
    """Batches of whole stories of like length, each in a row of its own, so that a story never sees
    the names of another one."""

    def __init__(self, path: Path, context: int, rows: int, seed: int):
        tokens = numpy.fromfile(path, dtype=numpy.uint16).astype(numpy.int64)
        stories = numpy.split(tokens, numpy.flatnonzero(tokens == BEGIN)[1:])
        self.stories = [story for story in stories if len(story) <= context + 1]
        self.rows = rows
        self.random = numpy.random.default_rng(seed)
        self.order: list[int] = []
        self.queue: list[list[numpy.ndarray]] = []

    def next(self) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.queue:
            if len(self.order) < 16 * self.rows:
                self.order = self.random.permutation(len(self.stories)).tolist()
            group = sorted((self.stories[self.order.pop()] for _ in range(16 * self.rows)), key=len)
            self.queue = [group[i:i + self.rows] for i in range(0, len(group), self.rows)]
            self.random.shuffle(self.queue)
        batch = self.queue.pop()
        length = max(len(story) for story in batch)
        x = numpy.full((self.rows, length - 1), END)
        y = numpy.full((self.rows, length - 1), -100)  # Not counted by cross_entropy.
        for row, story in enumerate(batch):
            x[row, :len(story) - 1], y[row, :len(story) - 1] = story[:-1], story[1:]
        return torch.from_numpy(x), torch.from_numpy(y)


def name_tokens(path: Path) -> torch.Tensor:
    """One for each token that is a whole name of a character or a kind of animal, else zero."""
    tokenizer = Tokenizer.from_file(str(path))
    marks = torch.zeros(tokenizer.get_vocab_size())
    for word in g.GIRLS + g.BOYS + g.ANIMAL_GIRLS + g.ANIMAL_BOYS + list(g.ANIMALS):
        for ids in (tokenizer.encode(text).ids for text in (word, " " + word)):
            if len(ids) == 1:
                marks[ids] = 1.0
    return marks


def sliced(table: tuple[torch.Tensor, torch.Tensor], length: int) -> tuple[torch.Tensor, ...]:
    return tuple(part[:length] for part in table)


def heldout_loss(config: m.Config, weights: m.Weights, table: tuple, batches: list) -> float:
    with torch.no_grad():
        losses = [F.cross_entropy(m.forward(config, weights, x, sliced(table, x.shape[1]))[0].flatten(0, 1), y.flatten()).item() for x, y in batches]
    return sum(losses) / len(losses)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=m.CONFIGS, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--balance", type=float, default=0.01, help="weight of the experts' balance loss")
    parser.add_argument("--names", type=float, default=1.0, help="weight of a token that is a name, others have 1")
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
    token_weights = 1 + (arguments.names - 1) * name_tokens(arguments.data / "tokenizer.json")
    batches = Batches(arguments.data / "train.bin", config.context, arguments.rows, arguments.seed)
    heldout = Batches(arguments.data / "heldout.bin", config.context, 8, 0)
    checks = [heldout.next() for _ in range(5)]

    def save(tokens: int) -> None:
        loss = heldout_loss(config, weights, table, checks)
        print(f"held-out loss {loss:.4f} after {tokens} tokens", flush=True)
        m.save(arguments.out, config, weights, tokens=tokens, heldout_loss=loss)

    begin = last_save = time.monotonic()
    seconds, step, tokens, mean = arguments.minutes * 60, 0, before, 0.0
    while (elapsed := time.monotonic() - begin) < seconds:
        progress = elapsed / seconds
        rate = arguments.rate * min((step + 1) / 60, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        x, y = batches.next()
        logits, balance = m.forward(config, weights, x, sliced(table, x.shape[1]))
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten(), token_weights)
        (loss + arguments.balance * balance).backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        tokens += int((y >= 0).sum())
        mean = loss.item() if step == 1 else 0.95 * mean + 0.05 * loss.item()
        if step % 50 == 0:
            print(f"step {step}  {elapsed:.0f} s  loss {mean:.4f}  balance {balance.item():.3f}  rate {rate:.5f}", flush=True)
        if time.monotonic() - last_save > arguments.save_minutes * 60:
            last_save = time.monotonic()
            save(tokens)
    save(tokens)


if __name__ == "__main__":
    main()
