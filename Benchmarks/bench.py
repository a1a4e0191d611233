#!/usr/bin/env python3
"""Speed of whole models against the limits of this machine, as markdown tables.

usage: bench.py [--skein .build/release/skein] [--models FOLDER] [--formats Q8_0,Q4_K] [--workloads prefill,decode]
                [--devices cpu@0 --devices cpu] [--rounds 5] [--long-turns 5] [--json FILE]

Makes the models that are missing (random weights of the shape of Llama 3.2 1B, and a mixture; needs numpy and gguf,
all else the standard library), then goes round them: each round measures the limits of the cores, then every
workload of every model on every choice of devices. Figures are medians over the rounds, and shares are of the limits
measured in the same rounds. Reading a long context takes long, so `decode-8192` is measured in one process, in the
last round, with --long-turns turns.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FORMATS = ["Q8_0", "Q4_0", "Q4_K", "Q6_K", "BF16", "F16"]
MIXTURES = {"moe-Q8_0": "Q8_0", "moe-Q4_K": "Q4_K"}
MIXTURE_SHAPE = ["--layers", "12", "--experts", "64", "--chosen", "8", "--width", "2048", "--expert-width", "512",
                 "--heads", "32", "--key-value-heads", "4", "--vocabulary", "102400"]
# Options of `skein bench`, and which of its two speeds counts.
WORKLOADS = {
    "prefill-512": (["--prompt-tokens", "512", "--gen-tokens", "1"], "prefill"),
    "decode-64": (["--prompt-tokens", "64", "--gen-tokens", "64"], "decode"),
    "decode-8192": (["--context-tokens", "8160", "--prompt-tokens", "32", "--gen-tokens", "64"], "decode"),
    "texts-8": (["--sequences", "8", "--prompt-tokens", "64", "--gen-tokens", "32"], "decode"),
}
LONG = "decode-8192"
# The limit that the products of a format are held against. F16 is widened to float32.
PEAKS = {"BF16": "bf16", "F16": "f32"}


def run_json(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(" ".join(map(str, command)) + "\n" + done.stderr.strip())
    return json.loads(done.stdout)


def model_path(folder, name):
    return folder / f"bench-{name.lower()}.gguf"


def make_missing(folder, names):
    for name in names:
        path = model_path(folder, name)
        if path.exists():
            continue
        print(f"making {path}", file=sys.stderr)
        part = path.with_suffix(".part")
        if name in MIXTURES:
            script = [HERE / "make_moe_model.py", part, "--type", MIXTURES[name], *MIXTURE_SHAPE]
        else:
            script = [HERE / "make_model.py", part, "--type", name]
        subprocess.run([sys.executable, *script], check=True, stdout=subprocess.DEVNULL)
        os.replace(part, path)


def measure_limits(program, devices, cores_of):
    """Limits by cores: of each choice of devices, of its devices, and of one core. Learns the cores of choices."""
    found = {}
    for choice in sorted(devices, key=lambda choice: -len(cores_of.get(choice, ()))):
        if choice in cores_of and cores_of[choice] in found:
            continue
        limits = run_json([program, "devices", "--limits", "--json", "--devices", choice])["limits"]
        found.update((tuple(limit["cores"]), limit) for limit in limits)
        cores_of[choice] = tuple(max(limits, key=lambda limit: limit["threads"])["cores"])
    return found


def measure(arguments, names, workloads, devices):
    """Rows of `skein bench` by (model, workload, devices), limits of every round, and the cores of each choice."""
    rows, limits, cores_of = {}, [], {}
    choices = [flag for choice in devices for flag in ("--devices", choice)]
    for number in range(arguments.rounds):
        for name in names:
            # Beside every model's figures: what neighbours leave of the memory changes within minutes.
            limits.append(measure_limits(arguments.skein, devices, cores_of))
            for workload in workloads:
                if workload == LONG and number < arguments.rounds - 1:
                    continue
                turns = arguments.long_turns if workload == LONG else 1
                print(f"round {number + 1} of {arguments.rounds}: {name} {workload}", file=sys.stderr)
                found = run_json([arguments.skein, "bench", model_path(arguments.models, name), "--json",
                                  "--repeat", str(turns), *WORKLOADS[workload][0], *choices])
                for row in found:
                    row["turns"] = turns
                    rows.setdefault((name, workload, row["devices"]), []).append(row)
    return rows, limits, cores_of


def limit_of(limits, cores, key, pick):
    return pick(found[cores][key] for found in limits)


def limits_table(limits):
    print("| cores | int8 | BF16 | float32 | reads, best | reads, median |")
    print("|---|---|---|---|---|---|")
    for cores in sorted(limits[0], key=len):
        def operations(key):
            return f"{limit_of(limits, cores, key, max) / 1e9:.0f} GOP/s" if key in limits[0][cores] else "-"
        best = limit_of(limits, cores, "read_bytes_per_second", max)
        median = limit_of(limits, cores, "read_median_bytes_per_second", statistics.median)
        print(f"| {','.join(map(str, cores))} | {operations('int8_operations_per_second')} |"
              f" {operations('bf16_operations_per_second')} | {operations('f32_operations_per_second')} |"
              f" {best / 1e9:.1f} GB/s | {median / 1e9:.1f} GB/s |")


def share(name, workload, row, speed, limits, cores):
    """What part of the limit a speed is: of arithmetic where a prompt is read, else of reading memory."""
    if WORKLOADS[workload][1] == "prefill":
        key = PEAKS.get(MIXTURES.get(name, name), "int8") + "_operations_per_second"
        if key not in limits[0][cores]:
            key = "f32_operations_per_second"
        operations = speed * row["matrix_operations_per_token"]
        part = operations / limit_of(limits, cores, key, max)
        return f"{operations / 1e9:.0f} GOP/s, {part:.0%} of {key.split('_')[0]}"
    steps = speed / row["sequences"]
    read = steps * (row["weight_bytes_per_step"] + row["cache_bytes_per_step"])
    median = limit_of(limits, cores, "read_median_bytes_per_second", statistics.median)
    return f"{read / 1e9:.1f} GB/s, {read / median:.0%} of memory"


def workload_table(workload, names, devices, rows, limits, cores_of):
    kind = WORKLOADS[workload][1]
    print(f"\n### {workload}\n\n| model | devices | tokens/s | runs | least to most | of the limit |")
    print("|---|---|---|---|---|---|")
    for name in names:
        for choice in devices:
            found = rows.get((name, workload, choice))
            if not found:
                continue
            speeds = [row[f"{kind}_tokens_per_second"] for row in found]
            middle, turns = statistics.median(speeds), sum(row["turns"] for row in found)
            part = share(name, workload, found[0], middle, limits, cores_of[choice])
            print(f"| {name} | `{choice}` | {middle:.1f} | {turns} | {min(speeds):.1f} to {max(speeds):.1f} |"
                  f" {part} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skein", default=str(HERE.parent / ".build/release/skein"))
    parser.add_argument("--models", type=Path, default=HERE.parent / ".build/models")
    parser.add_argument("--formats", default=",".join([*FORMATS, *MIXTURES]))
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--devices", action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--long-turns", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    names, workloads = arguments.formats.split(","), arguments.workloads.split(",")
    for given, known, flag in [(names, [*FORMATS, *MIXTURES], "--formats"), (workloads, WORKLOADS, "--workloads")]:
        for name in given:
            if name not in known:
                parser.error(f"{flag} has {name}; it may have {', '.join(known)}")
    if arguments.rounds < 1 or arguments.long_turns < 1:
        parser.error("--rounds and --long-turns are 1 or more")
    cores = os.cpu_count() or 1
    devices = arguments.devices or (["cpu@0", "cpu", "cpu@0,cpu@1"] if cores > 1 else ["cpu@0"])
    arguments.models.mkdir(parents=True, exist_ok=True)
    make_missing(arguments.models, names)
    rows, limits, cores_of = measure(arguments, names, workloads, devices)
    if arguments.json:
        flat = [dict(row, model=name, workload=workload)
                for (name, workload, _), found in rows.items() for row in found]
        every_limit = [list(found.values()) for found in limits]
        arguments.json.write_text(json.dumps({"rows": flat, "limits": every_limit}, indent=1))
    limits_table(limits)
    for workload in workloads:
        workload_table(workload, names, devices, rows, limits, cores_of)


if __name__ == "__main__":
    main()
