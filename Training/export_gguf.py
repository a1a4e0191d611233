"""Writes a checkpoint as a GGUF file: matrices in Q8_0, norms and routers in F32.

    python export_gguf.py --model stories --checkpoint stories.pt --tokenizer DIR/tokenizer.json
"""

import argparse
from pathlib import Path

import gguf_file
import model as m

MODELS = Path(__file__).resolve().parent.parent / "Models"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=m.CONFIGS, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODELS)
    arguments = parser.parse_args()
    config, weights, facts = m.load(arguments.checkpoint)
    arguments.out.mkdir(exist_ok=True)
    path = arguments.out / f"{arguments.model}.gguf"
    gguf_file.write(path, arguments.model, config, weights, arguments.tokenizer)
    assert path.stat().st_size < 10_000_000
    print(f"{path.name}: {path.stat().st_size} bytes; {facts}")


if __name__ == "__main__":
    main()
