"""Measures a GGUF model with its weights dequantized to 32-bit floats, and lets it write.

    python evaluate.py ../Models/stories.gguf --data DIR --samples 3

Perplexity is the exponential of the mean negative log-likelihood of a token, measured three ways:

stories   heldout.bin, each story on its own as <s> story </s>; every token after <s> counts.
windows   heldout.txt as one text, as `skein perplexity` does it: <s> and then the text's tokens, cut into
          windows of 512 tokens that follow each other; the last one is shorter. Each window is computed
          on its own with positions from 0, and all its tokens but the first count, each given those
          before it in the window.
halves    as llama.cpp's perplexity tool does it: the same windows without the last, shorter one; the
          first token of each is replaced by <s>, and only tokens 257 to 511 count.
"""

import argparse
import math
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import gguf_file
import model as m

BEGIN, END = 0, 1
PROMPTS = ["Once upon a time", "The little fox", "One day", "There was a"]


class Model:
    def __init__(self, path: Path):
        self.config, self.weights = gguf_file.read(path)
        self.table = m.rope_table(self.config, self.config.context)

    @torch.no_grad()
    def logits(self, tokens: list[int]) -> torch.Tensor:
        table = tuple(part[:len(tokens)] for part in self.table)
        return m.forward(self.config, self.weights, torch.tensor([tokens]), table)[0][0]

    def losses(self, tokens: list[int]) -> torch.Tensor:
        """The negative log-likelihoods of tokens 1, 2, ..."""
        return F.cross_entropy(self.logits(tokens[:-1]), torch.tensor(tokens[1:]), reduction="none")


def story_perplexity(model: Model, path: Path) -> tuple[float, int]:
    stories = numpy.split(tokens := numpy.fromfile(path, dtype=numpy.uint16), numpy.flatnonzero(tokens == BEGIN)[1:])
    losses = torch.cat([model.losses(story.tolist()) for story in stories if len(story) <= model.config.context])
    return math.exp(losses.mean().item()), len(losses)


def file_perplexity(model: Model, tokens: list[int], halves: bool, window: int = 512) -> tuple[float, int]:
    losses = []
    for first in range(0, len(tokens), window):
        cut = tokens[first:first + window]
        if not halves and len(cut) > 1:
            losses.append(model.losses(cut))
        elif len(cut) == window:
            losses.append(model.losses([BEGIN] + cut[1:])[window // 2:])
    losses = torch.cat(losses)
    return math.exp(losses.mean().item()), len(losses)


def write_story(model: Model, tokenizer: Tokenizer, prompt: str, seed: int, temperature: float = 0.8) -> str:
    """Samples as `skein run` does: 40 likeliest tokens, of these 0.95 of the probability, of these all
    that are at least 0.05 times as likely as the likeliest, and then the temperature."""
    generator = torch.Generator().manual_seed(seed)
    tokens = [BEGIN] + tokenizer.encode(prompt).ids
    while len(tokens) < model.config.context:
        logits, order = model.logits(tokens)[-1].topk(40)
        probability = logits.softmax(-1)
        kept = (probability.cumsum(0) - probability < 0.95) & (probability >= 0.05 * probability[0])
        probability = (logits / temperature).masked_fill(~kept, -torch.inf).softmax(-1)
        tokens.append(int(order[torch.multinomial(probability, 1, generator=generator)]))
        if tokens[-1] == END:
            break
    return tokenizer.decode(tokens[1:], skip_special_tokens=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="what prepare.py wrote")
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only-samples", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = Model(arguments.model)
    tokenizer = Tokenizer.from_file(str(arguments.data / "tokenizer.json"))
    if not arguments.only_samples:
        text = Path(__file__).with_name("heldout.txt").read_text()
        tokens = [BEGIN] + tokenizer.encode(text).ids
        print("stories: perplexity %.4f over %d tokens" % story_perplexity(model, arguments.data / "heldout.bin"))
        print(f"heldout.txt: {len(tokens)} tokens with <s>")
        print("windows: perplexity %.4f over %d tokens" % file_perplexity(model, tokens, halves=False))
        print("halves: perplexity %.4f over %d tokens" % file_perplexity(model, tokens, halves=True))
    for i in range(arguments.samples):
        print(f"\n--- {i + 1}\n{write_story(model, tokenizer, PROMPTS[i % len(PROMPTS)], arguments.seed + i)}")


if __name__ == "__main__":
    main()
