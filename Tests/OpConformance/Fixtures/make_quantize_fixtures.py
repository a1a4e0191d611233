"""Writes quantize/source.values (little-endian float32, blocks of 32), quantize/<TYPE>.blocks (what the public `gguf`
package makes of them) and quantize/float8_e4m3fn.values (the float32 of all 256 codes, by PyTorch).
Needs numpy, gguf 0.19 and torch; run it in this folder.

Only formats whose bytes follow from a rule are here. Values are bounded by 60000, so that F16 holds them, and no block
is so small that the inverse of its scale overflows: there the package divides by zero and Skein writes zeros.
"""

import pathlib

import gguf
import numpy as np
import torch

TYPES = ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "MXFP4"]


def source() -> np.ndarray:
    rng = np.random.default_rng(7)
    rows = [rng.standard_normal(32) * scale for scale in (1, 0.05, 0.02, 1e-3, 1e-6, 1e-12, 1e-30, 900) for _ in range(8)]
    rows += [np.zeros(32), np.full(32, -0.0), np.full(32, 0.75), np.full(32, -0.3)]
    spike = np.zeros(32)
    spike[17] = -5
    rows += [spike, -spike, np.linspace(-1, 1, 32), np.arange(32.0), -np.arange(32.0)]
    rows += [np.where(np.arange(32) % 2, 8.0, -8.0), np.where(np.arange(32) % 2, -8.0, 8.0)]
    # Ties: halves and quarters under scales that are powers of two.
    rows += [np.arange(-16, 16) / 2, np.append(np.arange(-15, 16) / 4, 127), np.append(np.arange(31) / 2, -8)]
    # Largest magnitudes at and beside powers of two, where MXFP4's exponent changes.
    for k in (-20, -8, -3, -1, 0, 1, 2, 5, 8, 15):
        for top in (np.float32(2.0**k), np.nextafter(np.float32(2.0**k), np.float32(0))):
            row = rng.standard_normal(32).astype(np.float32)
            row *= np.float32(0.9) * top / np.abs(row).max()
            row[5] = top
            rows.append(row)
    rows.append(np.append(rng.standard_normal(31), 60000))
    return np.stack(rows).astype(np.float32)


def main() -> None:
    folder = pathlib.Path("quantize")
    folder.mkdir(exist_ok=True)
    blocks = source()
    blocks.astype("<f4").tofile(folder / "source.values")
    for name in TYPES:
        raw = gguf.quants.quantize(blocks, gguf.GGMLQuantizationType[name])
        np.ascontiguousarray(raw).view(np.uint8).tofile(folder / f"{name}.blocks")
    codes = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn)
    codes.to(torch.float32).numpy().astype("<f4").tofile(folder / "float8_e4m3fn.values")


if __name__ == "__main__":
    main()
