"""Writes the training data: tokenizer.json, train.bin (token ids, 16 bits each) and heldout.bin.

    python prepare.py --out DIR --stories 60000

Story i is made from the seed "train/i" or "heldout/i", so the two sets share no seed. heldout.txt,
if asked for, holds the first held-out stories with two empty lines between stories.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from stories_grammar import story

VOCABULARY = 2048
SPECIAL = ["<s>", "</s>"]


def train_tokenizer(texts: Iterator[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tokenizer


def encode(tokenizer: Tokenizer, stories: list[str]) -> numpy.ndarray:
    begin, end = (tokenizer.token_to_id(token) for token in SPECIAL)
    ids = [i for encoding in tokenizer.encode_batch(stories) for i in (begin, *encoding.ids, end)]
    return numpy.array(ids, dtype=numpy.uint16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--stories", type=int, default=60000)
    parser.add_argument("--heldout-text", type=Path)
    parser.add_argument("--tokenizer", type=Path, help="one made before, to be used again")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    if arguments.tokenizer:
        tokenizer = Tokenizer.from_file(str(arguments.tokenizer))
    else:
        tokenizer = train_tokenizer(story(f"tokenizer/{i}") for i in range(8000))
    assert tokenizer.get_vocab_size() == VOCABULARY
    tokenizer.save(str(arguments.out / "tokenizer.json"))

    heldout = [story(f"heldout/{i}") for i in range(400)]
    encode(tokenizer, heldout).tofile(arguments.out / "heldout.bin")
    if arguments.heldout_text:
        arguments.heldout_text.write_text("\n\n\n".join(heldout[:65]) + "\n")

    with open(arguments.out / "train.bin", "wb") as file:
        for first in range(0, arguments.stories, 1000):
            texts = [story(f"train/{i}") for i in range(first, min(first + 1000, arguments.stories))]
            encode(tokenizer, texts).tofile(file)


if __name__ == "__main__":
    main()
