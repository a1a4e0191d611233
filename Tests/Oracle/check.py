#!/usr/bin/env python3
"""Checks `skein logits` against folders of reference models.

usage: check.py SKEIN FOLDER... [--devices LIST] [--cache-type TYPE]

The cache is F32 unless a type is given: rounded to F16, the keys of small random models move logits by up to 1.5e-3.

A FOLDER is what the reference generator writes for one seed: `llm/<family>` with `oracle/*.npy`, and
`gguf/llama_file`. Prints the relative error of each model; ends with status 1 where one is above its bound
(1e-3 for float32, 2e-2 for quantized weights against their dequantized values, 5e-2 for gpt-oss's, whose gates
and experts make rounding of activations larger) or where a greedy token
differs although the reference's margin is above 1e-3.
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
FAMILIES = ["llama", "mistral", "qwen2", "qwen3", "mixtral", "qwen2_moe", "qwen3_moe", "deepseek_v2",
            "deepseek_v2_group", "deepseek_v3", "gemma", "gemma2", "gemma3", "phi3", "gpt2", "gpt_neox", "gpt_oss"]
# Written a second time in the way of older files.
COMBINED = ["deepseek_v2", "deepseek_v3"]
BOUNDS = {"F32": 1e-3, "F16": 1e-3, "Q8_0": 2e-2, "Q4_0": 2e-2}


def skein_logits(arguments: argparse.Namespace, model: Path, tokens: np.ndarray, out: Path) -> np.ndarray:
    command = [arguments.skein, "logits", str(model), "--tokens", ",".join(map(str, tokens)), "-o", str(out)]
    command += ["--devices", arguments.devices] if arguments.devices else []
    command += ["--cache-type", arguments.cache_type]
    subprocess.run(command, check=True, capture_output=True)
    return np.load(out)


def errors(mine: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """The largest difference over the largest value, and the difference's norm over the norm."""
    difference = np.abs(mine - reference)
    return difference.max() / np.abs(reference).max(), np.linalg.norm(mine - reference) / np.linalg.norm(reference)


def greedy_faults(mine: np.ndarray, reference: np.ndarray) -> int:
    """Rows whose likeliest token differs although the reference is sure of it."""
    top = np.sort(reference, axis=-1)
    sure = top[:, -1] - top[:, -2] > 1e-3
    return int(((mine.argmax(-1) != reference.argmax(-1)) & sure).sum())


def cases(folder: Path, scratch: Path):
    """Model file, tokens, reference logits, bound."""
    for family in FAMILIES:
        source = folder / "llm" / family
        if not source.is_dir():
            continue
        model = scratch / f"{family}.gguf"
        subprocess.run([sys.executable, HERE / "convert_to_gguf.py", source, model], check=True)
        prompt = np.load(source / "oracle/tokens.npy")[0]
        yield family, model, prompt, np.load(source / "oracle/logits.npy")[0], 1e-3
        greedy = np.load(source / "oracle/greedy.npy")[0]
        yield family + " greedy", model, np.concatenate([prompt, greedy]), None, 1e-3
        if family == "gpt_oss":
            small = scratch / "gpt_oss-mxfp4.gguf"
            subprocess.run([sys.executable, HERE / "convert_to_gguf.py", source, small, "--mxfp4"], check=True)
            yield "gpt_oss mxfp4", small, prompt, np.load(source / "oracle/logits.npy")[0], 5e-2
        if family in COMBINED:
            old = scratch / f"{family}-old.gguf"
            subprocess.run([sys.executable, HERE / "convert_to_gguf.py", source, old, "--combined"], check=True)
            yield family + " old", old, prompt, np.load(source / "oracle/logits.npy")[0], 1e-3
    for kind, bound in BOUNDS.items():
        source = folder / "gguf/llama_file"
        if source.is_dir():
            tokens = np.load(source / f"oracle/{kind}_tokens.npy")[0]
            reference = np.load(source / f"oracle/{kind}_logits_dequantised_f32.npy")[0]
            yield f"llama-{kind}", source / f"llama-{kind}.gguf", tokens, reference, bound


def main() -> int:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("skein")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--devices")
    parser.add_argument("--cache-type", default="f32")
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for folder in arguments.folders:
            for name, model, tokens, reference, bound in cases(folder, Path(scratch)):
                mine = skein_logits(arguments, model, tokens, Path(scratch) / "o.npy")
                if reference is None:
                    # Each greedy token must be what the logits before it say, unless they are nearly tied.
                    count = 12
                    rows = mine[-count - 1:-1]
                    chosen = rows[np.arange(count), tokens[-count:]]
                    faults = int((rows.max(-1) - chosen > 1e-3 * np.abs(rows).max()).sum())
                    largest = norm = 0.0
                else:
                    largest, norm = errors(mine, reference)
                    # A quantized model may well choose otherwise; its bound is on the logits.
                    faults = greedy_faults(mine, reference) if bound <= 1e-3 else 0
                bad = not (largest <= bound and norm <= bound) or faults > 0
                failed += bad
                print(f"{folder.name:8} {name:24} max {largest:.2e} norm {norm:.2e} greedy faults {faults}"
                      f" {'FAILED' if bad else 'ok'}", flush=True)
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
