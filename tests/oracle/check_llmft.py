#!/usr/bin/env python3
"""The way back: what llmft writes, loaded by PEFT and transformers, must give llmft's logits.

    python tests/oracle/check_llmft.py LLMFT DUMP_LOGITS [--json FILE] [--only NAME]

LLMFT and DUMP_LOGITS are the two programs. llmft trains five steps of every option of variants.py and of STARTS, and of
full fine-tuning. Prints a table: relative difference of the logits, and what servers make of the folder (loaders.py).
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import check_adapter
import common
import four_bit
import loaders
import variants

ALLOWED = 1e-5   # f32 logits of two blocks, each side within 1e-6 of float64
# name: (model, options as llmft spells them) where variants.py has no such start
STARTS = {
    "lora": ("tiny-gqa", ["--lora-r", "5", "--lora-alpha", "7"]),
    "some": ("tiny-gqa", ["--lora-r", "3", "--target-modules", "q_proj,v_proj,down_proj"]),
    "gaussian": ("tiny-mistral", ["--init-lora-weights", "gaussian"]),
    "orthogonal": ("tiny-rope-yarn", ["--init-lora-weights", "orthogonal", "--lora-r", "4"]),
    "dropout": ("tiny-qwen3", ["--lora-dropout", "0.2", "--lora-r", "4"]),
    "continued": ("tiny-llama-bias", ["--adapter", str(common.GOLDEN / "grad-lora-patterns" / "adapter")]),
    "full": ("tiny-gqa", ["--method", "full", "--learning-rate", "1e-3"]),
    "full-window": ("tiny-qwen2-window", ["--method", "full", "--learning-rate", "1e-3"]),
}


def flags(options):
    """LoraConfig's options as llmft's."""
    out = ["--lora-r", "3", "--lora-alpha", "5"]
    for key, value in options.items():
        if isinstance(value, dict):
            text = json.dumps(value)
        elif isinstance(value, list):
            text = ",".join(str(v) for v in value)
        elif isinstance(value, bool):
            text = str(value).lower()
        else:
            text = f"re:{value}" if key.endswith("_modules") and value != "all-linear" else str(value)
        out += ["--" + key.replace("_", "-"), text]
    return out


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(f"{command[0]} {command[1]}: {done.stderr.strip()}")


def way_back(name, model, options, a, work):
    """One row of the table: trains, dumps, loads with PEFT."""
    base, output = common.GOLDEN / model, work / name
    rows = [{"input_ids": e["input_ids"]} for e in json.loads((base / "batch.json").read_text()) if len(e["input_ids"]) > 1]
    (work / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(a.llmft, "train", "--model", base, "--dataset", work / "rows.jsonl", "--dataset-format", "tokens", "--max-steps", 5,
        "--output-dir", output, *options, *([] if "--learning-rate" in options else ["--learning-rate", "1e-2"]))
    full = "--method" in options
    run(a.dump_logits, output if full else base, "none" if full else output, base / "batch.json", work / "logits")
    plain = base
    if model in four_bit.MODELS:
        plain = four_bit.save_decoded(base, work / f"decoded-{model}")
    loaded = check_adapter.load(output, "none") if full else check_adapter.load(plain, output)
    row = {"name": name, "model": model,
           "error": max(d[0] for d in check_adapter.differences(loaded, base / "batch.json", work / "logits"))}
    if not full:
        config = json.loads((base / "config.json").read_text())
        row |= loaders.verdicts(output, config["num_hidden_layers"], config["vocab_size"])
    return row


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("llmft", type=lambda p: pathlib.Path(p).resolve())
    ap.add_argument("dump_logits", type=lambda p: pathlib.Path(p).resolve())
    ap.add_argument("--json", type=pathlib.Path, help="one line for each row")
    ap.add_argument("--only")
    a = ap.parse_args()
    cases = STARTS | {name: (model, flags(options)) for name, (model, options) in variants.VARIANTS.items()}
    lines, failed = [], 0
    with tempfile.TemporaryDirectory() as work:
        for name, (model, options) in cases.items():
            if a.only not in (None, name):
                continue
            try:
                row = way_back(name, model, options, a, pathlib.Path(work))
            except ValueError as error:
                failed += 1
                print(f"{name} of {model}: FAILED: {error}")
                continue
            passed = row["error"] <= ALLOWED
            failed += not passed
            lines.append(json.dumps(row))
            print(f"{name} of {model}: {'ok' if passed else 'FAILED'}: PEFT's logits differ by {row['error']:.1e}"
                  + "".join(f"; {s} {row[s]}" for s in ("vLLM", "TGI") if s in row))
    if a.json:
        a.json.write_text("".join(line + "\n" for line in lines))
    print(f"{len(lines)} compared, {failed} failed")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
