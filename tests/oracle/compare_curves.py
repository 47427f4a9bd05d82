#!/usr/bin/env python3
"""A run of llmft beside the golden curve of the real libraries, as a table (no library needed).

    python3 tests/oracle/compare_curves.py tests/golden/curve-lora-tiny-gqa RUN/metrics.jsonl [--tolerance 1e-4]

Compares loss, gradient norm before clipping and learning rate of every step, relative to the golden value; exit status 1
beyond the tolerance. Steps are paired in order.
"""
import argparse
import json
import pathlib
import sys


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("case", type=pathlib.Path)
    ap.add_argument("metrics", type=pathlib.Path)
    ap.add_argument("--tolerance", type=float, default=1e-4)
    a = ap.parse_args()
    want = json.loads((a.case / "expected.json").read_text())
    got = [json.loads(line) for line in a.metrics.read_text().splitlines() if line.strip()]
    if len(got) != len(want["loss"]):
        sys.exit(f"{a.metrics}: {len(got)} steps, the golden has {len(want['loss'])}")
    print("| step | lr | loss, HF | loss, llmft | difference | norm, HF | norm, llmft | difference |\n" + "|---:" * 8 + "|")
    passed = True
    for k, line in enumerate(got):
        pairs = [(want["lr"][k], line["learning_rate"]), (want["loss"][k], line["loss"]),
                 (want["grad_norm"][k], line["grad_norm"])]
        lr, loss, norm = (abs(g - w) / (abs(w) or 1.0) for w, g in pairs)
        passed = passed and lr <= a.tolerance and loss <= a.tolerance and norm <= a.tolerance
        print(f"| {k + 1} | {pairs[0][1]:.3e} | {pairs[1][0]:.6f} | {pairs[1][1]:.6f} | {loss:.1e} | {pairs[2][0]:.6f} | "
              f"{pairs[2][1]:.6f} | {norm:.1e} |")
    print("ok" if passed else f"FAILED: beyond {a.tolerance:g} relative")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
