#!/usr/bin/env python3
"""How the time of a step grows: with parameters, with tokens, with rows of a data set. A table each, in Markdown.

    growth.py LLMFT [--rounds 3]

Steps are LoRA in f32. The first two tables come from `llmft bench` (medians over rounds of whole processes), the third from
the metrics of real runs: tokens/s of their first and last fifth.
"""
import argparse
import json
import pathlib
import random
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TINY = "0.6m"


def bench(llmft, shape, rows, length, rounds):
    def once():
        done = subprocess.run([llmft, "bench", "--model", HERE / "shapes" / shape, "--max-seq-length", str(length),
                               "--per-device-train-batch-size", str(rows), "--bench-steps", "3", "--json"], check=True,
                              capture_output=True, text=True)
        return json.loads(done.stdout)
    runs = [once() for _ in range(rounds)]
    seconds = statistics.median(run["median_step_seconds"] for run in runs)
    steps = len(runs[0]["step_seconds"])
    return seconds, sum(op["flops"] for op in runs[0]["ops"]) / steps


def parameters(llmft, shape):
    done = subprocess.run([llmft, "plan", "--model", HERE / "shapes" / shape, "--max-seq-length", "256", "--json"],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["all_parameters"]


def by_parameters(llmft, rounds):
    print("| model | parameters | GFLOP a step | ms a step | tokens/s | ms a GFLOP |\n|---|---|---|---|---|---|")
    for shape in (TINY, "15m", "42m", "135m"):
        seconds, flops = bench(llmft, shape, 4, 256, rounds)
        print(f"| {shape} | {parameters(llmft, shape):,} | {flops / 1e9:.1f} | {1e3 * seconds:.1f} | "
              f"{4 * 256 / seconds:.0f} | {1e12 * seconds / flops:.2f} |", flush=True)


def by_tokens(llmft, rounds):
    print("\n| 15m: rows x tokens | ms a step | us a token | ms a GFLOP |\n|---|---|---|---|")
    for rows, length in ((2, 256), (8, 256), (32, 256), (8, 64), (2, 1024), (1, 2048)):
        seconds, flops = bench(llmft, "15m", rows, length, rounds)
        print(f"| {rows} x {length} | {1e3 * seconds:.1f} | {1e6 * seconds / (rows * length):.1f} | "
              f"{1e12 * seconds / flops:.2f} |", flush=True)


def make_model(llmft, folder):
    """A folder with weights: the bench's shape alone has none to train."""
    subprocess.run(["python3", HERE.parents[1] / "examples" / "make_tiny_model.py", folder], check=True,
                   capture_output=True)


def by_rows(llmft):
    print("\n| rows | steps | tokens/s, first fifth | last fifth |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_model(llmft, folder / "model")
        source = random.Random(1)
        for rows in (100, 1_000, 10_000, 100_000):
            with open(folder / "rows.jsonl", "w", encoding="utf-8") as out:
                for _ in range(rows):
                    out.write(json.dumps({"input_ids": [source.randrange(256) for _ in range(32)]}) + "\n")
            subprocess.run([llmft, "train", "--model", folder / "model", "--dataset", folder / "rows.jsonl", "--output-dir",
                            folder / f"out-{rows}", "--max-steps", "500", "--save-strategy", "no"], check=True,
                           capture_output=True)
            lines = [json.loads(line) for line in (folder / f"out-{rows}" / "metrics.jsonl").read_text().splitlines()]
            fifth = len(lines) // 5
            first, last = (statistics.median(line["tokens_per_second"] for line in part)
                           for part in (lines[:fifth], lines[-fifth:]))
            print(f"| {rows:,} | {len(lines)} | {first:.0f} | {last:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("llmft")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    by_parameters(arguments.llmft, arguments.rounds)
    by_tokens(arguments.llmft, arguments.rounds)
    by_rows(arguments.llmft)


if __name__ == "__main__":
    main()
