#!/usr/bin/env python3
"""llmft and PEFT side by side: whole processes in turn, so that a busy machine slows both; medians over rounds.

    compare.py LLMFT PYTHON [--rounds 3] [--shapes 15m,42m,135m] [--cases "lora f32,full f32"] [--compile]

LLMFT is the program, PYTHON one that has torch, transformers and peft (tests/oracle/requirements.txt). A step is 2,048
tokens (135m: 1,024) in rows of 256. Prints a table in Markdown: tokens/s of both, their ratio, the step's matrix products
alone as a share of llmft's step, and the memory that a step adds in both.
"""
import argparse
import json
import pathlib
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
LENGTH = 256
ROWS = {"15m": 8, "42m": 8, "135m": 4}


def last_json(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def ours(llmft, shape, method, dtype):
    return last_json([llmft, "bench", "--model", HERE / "shapes" / shape, "--method", method, "--dtype", dtype,
                      "--max-seq-length", str(LENGTH), "--per-device-train-batch-size", str(ROWS[shape]), "--json"])


def theirs(python, shape, method, dtype, compiled):
    return last_json([python, HERE / "peft_step.py", "--model", HERE / "shapes" / shape, "--method",
                      "full" if method == "full" else "lora", "--dtype", dtype, "--length", str(LENGTH), "--rows",
                      str(ROWS[shape])] + (["--compile"] if compiled else []))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("llmft")
    parser.add_argument("python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shapes", default="15m,42m,135m")
    parser.add_argument("--cases", default="lora f32,lora bf16,full f32")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    print("| shape | method | llmft tokens/s | PEFT tokens/s | ratio | products alone | llmft step | PEFT step |")
    print("|---|---|---|---|---|---|---|---|")
    for shape in arguments.shapes.split(","):
        for case in arguments.cases.split(","):
            method, dtype = case.split()
            pairs = [(ours(arguments.llmft, shape, method, dtype),
                      theirs(arguments.python, shape, method, dtype, arguments.compile))
                     for _ in range(arguments.rounds)]
            tokens = LENGTH * ROWS[shape]
            mine = statistics.median(our["tokens_per_second"] for our, _ in pairs)
            peer = statistics.median(tokens / their["median_step_seconds"] for _, their in pairs)
            ratio = statistics.median(our["tokens_per_second"] * their["median_step_seconds"] / tokens
                                      for our, their in pairs)
            floor = statistics.median(our["share_of_floor"] for our, _ in pairs)
            memory = statistics.median(our["step_bytes"] for our, _ in pairs) / 2**20
            peer_memory = statistics.median(their["step_mib"] for _, their in pairs)
            print(f"| {shape} | {case} | {mine:.0f} | {peer:.0f} | {ratio:.2f} | {100 * floor:.0f} % | {memory:.0f} MiB | "
                  f"{peer_memory:.0f} MiB |", flush=True)


if __name__ == "__main__":
    main()
