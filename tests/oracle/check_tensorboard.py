#!/usr/bin/env python3
"""TensorBoard reads llmft's event files: every scalar of a short run, by the real package, equals metrics.jsonl.

    check_tensorboard.py LLMFT
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

HERE = pathlib.Path(__file__).resolve().parent
SCALARS = {"train/loss": "loss", "train/grad_norm": "grad_norm", "train/learning_rate": "learning_rate",
           "eval/loss": "eval_loss"}
# Scalars are 32-bit floats in the file.
TOLERANCE = 2.0**-24


def main():
    llmft = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        rows = ({"input_ids": [(7 * i + 3 * t) % 90 + 1 for t in range(20)]} for i in range(24))
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        subprocess.run([llmft, "train", "--model", HERE.parent / "golden" / "tiny-gqa", "--dataset", folder / "rows.jsonl",
                        "--eval-split", "0.2", "--report-to", "tensorboard", "--save-strategy", "no", "--output-dir",
                        folder / "out"], check=True, capture_output=True)
        steps = [json.loads(line) for line in (folder / "out" / "metrics.jsonl").read_text().splitlines()]
        events = EventAccumulator(str(folder / "out"))
        events.Reload()
        for tag, key in SCALARS.items():
            wanted = [(step["step"], step[key]) for step in steps if key in step]
            read = [(event.step, event.value) for event in events.Scalars(tag)]
            same = len(read) == len(wanted) > 0 and all(
                a == b and math.isclose(x, y, rel_tol=TOLERANCE) for (a, x), (b, y) in zip(read, wanted))
            if not same:
                sys.exit(f"{tag}: TensorBoard reads {read}, metrics.jsonl has {wanted}")
        print(f"TensorBoard reads {len(SCALARS)} scalars of {len(steps)} steps as metrics.jsonl has them")


if __name__ == "__main__":
    main()
