"""Writes dequantize/<TYPE>.blocks (blocks as in a GGUF file) and dequantize/<TYPE>.values (what the public
`gguf` package makes of them, little-endian float32). Needs numpy and gguf 0.19; run it in this folder.

Blocks are random bytes, which reach every quant and every packed scale, with float16 scales that are
ordinary, zero, negative zero, subnormal, the largest, infinite and NaN in turn.
"""

import pathlib
import warnings

import gguf
import numpy as np

SCALES = [0x2C01, 0xA9F3, 0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0x7E00, 0x3C00]
# Where the float16 scales and minima are in a block.
OFFSETS = {
    "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "IQ4_NL": [0], "MXFP4": [],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_XS": [0],
    "F32": [], "F16": [], "BF16": [],
}


def blocks_of(name: str, rng: np.random.Generator) -> np.ndarray:
    kind = gguf.GGMLQuantizationType[name]
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    if elements == 1:
        values = rng.standard_normal(96).astype(np.float32)
        values[:8] = [0, -0.0, 1e-7, -6e-8, 65504, np.inf, -np.inf, 1e-40]
        if name == "BF16":
            return (values.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
        return values.astype(np.float16 if name == "F16" else np.float32).view(np.uint8)
    blocks = rng.integers(0, 256, (len(SCALES), size), dtype=np.uint8)
    for index, offset in enumerate(OFFSETS[name]):
        scales = np.roll(np.array(SCALES, dtype=np.uint16), 5 * index)
        blocks[:, offset : offset + 2] = scales.reshape(-1, 1).view(np.uint8)
    if name == "MXFP4":
        blocks[:, 0] = [0, 1, 2, 3, 100, 120, 126, 127, 128, 200, 254, 255]
    return blocks.reshape(-1)


def main() -> None:
    warnings.simplefilter("ignore")
    folder = pathlib.Path("dequantize")
    folder.mkdir(exist_ok=True)
    for name in OFFSETS:
        kind = gguf.GGMLQuantizationType[name]
        blocks = blocks_of(name, np.random.default_rng(1000 + int(kind)))
        values = gguf.quants.dequantize(blocks, kind)
        blocks.tofile(folder / f"{name}.blocks")
        values.astype("<f4").tofile(folder / f"{name}.values")


if __name__ == "__main__":
    main()
