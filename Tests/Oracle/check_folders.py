#!/usr/bin/env python3
"""Checks `skein logits` on folders as Hugging Face tools save them.

usage: check_folders.py SKEIN FOLDER... [--devices LIST] [--only NAME,...]

A FOLDER is what the reference generator writes for one seed. For each model of `llm/` and `llm_bf16/`: the logits of
a prompt, of the prompt with the reference's greedy continuation (every greedy token must come out where the reference
is sure of it), and of a left-padded batch. Prints relative errors; ends with status 1 where one is above its bound:
1e-3 in float32; in bfloat16 the distance between the reference's own bfloat16 and float32.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


class Skein:
    def __init__(self, program, devices, scratch):
        self.program, self.devices, self.scratch = program, devices, scratch

    def logits(self, model, texts):
        out = self.scratch / "logits.npy"
        command = [self.program, "logits", str(model), "-o", str(out)]
        for text in texts:
            command += ["--tokens", ",".join(map(str, text))]
        result = subprocess.run(command + (["--devices", self.devices] if self.devices else []),
                                capture_output=True, text=True)
        if result.returncode:
            raise RuntimeError(result.stderr.strip().splitlines()[-1])
        return np.load(out)


def error(mine, reference):
    return float(np.abs(mine - reference).max() / np.abs(reference).max())


def check(skein, folder, prefix, bound):
    oracle = folder / "oracle"
    load = lambda name: np.load(oracle / f"{prefix}{name}.npy")
    tokens = load("tokens")[0]
    reference = load("logits")[0]
    faults = []
    e = error(skein.logits(folder, [tokens]), reference)
    limit = bound(reference)
    # Greedy: every token must follow from those before it.
    greedy = load("greedy")[0]
    rows = skein.logits(folder, [np.concatenate([tokens, greedy])])[len(tokens) - 1:-1]
    top = np.sort(rows, axis=-1)
    wrong = (rows.argmax(-1) != greedy) & (top[:, -1] - top[:, -2] > 1e-3 * np.abs(rows).max() + limit * np.abs(reference).max())
    mask = load("batch_mask").astype(bool)
    batch, batch_reference = load("batch_tokens"), load("batch_logits")
    mine = skein.logits(folder, [row[keep] for row, keep in zip(batch, mask)])
    padded = error(mine, batch_reference)
    if e > limit: faults.append(f"logits off by {e:.2e} (bound {limit:.1e})")
    if padded > max(limit, bound(batch_reference)): faults.append(f"padded batch off by {padded:.2e}")
    if wrong.any(): faults.append(f"{wrong.sum()} greedy tokens differ")
    return e, padded, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("skein")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--devices")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    only = [name for name in arguments.only.split(",") if name]
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        skein = Skein(arguments.skein, arguments.devices, Path(scratch))
        for root in arguments.folders:
            for folder in sorted([*(root / "llm").glob("*"), *(root / "llm_bf16").glob("*")]):
                if only and folder.name not in only:
                    continue
                if folder.parent.name == "llm":
                    runs = [("", lambda reference: 1e-3)]
                else:
                    load = lambda name: np.load(folder / "oracle" / name)
                    spread = error(load("native_bf16_logits.npy"), load("upcast_f32_logits.npy"))
                    runs = [("upcast_f32_", lambda reference: spread)]
                for prefix, bound in runs:
                    name = f"{root.name}/{folder.parent.name}/{folder.name}"
                    try:
                        e, padded, faults = check(skein, folder, prefix, bound)
                        print(f"{name:34} {e:.2e} padded {padded:.2e} {'; '.join(faults) or 'ok'}", flush=True)
                    except RuntimeError as problem:
                        faults = [str(problem)]
                        print(f"{name:34} {problem}", flush=True)
                    failed += bool(faults)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
