#!/usr/bin/env python3
"""The way back: what llmft writes, loaded by PEFT, transformers and bitsandbytes, must give llmft's logits.

    python tests/oracle/check_llmft.py LLMFT DUMP_LOGITS [--json FILE] [--only NAME]

LLMFT and DUMP_LOGITS are the two programs. llmft trains five steps of every option of variants.py and of STARTS, and of
full fine-tuning, merges each adapter into its base, and quantises tiny-wide. Prints the relative difference of the logits
in PEFT, that of the merged model in transformers, and what servers make of the folder (loaders.py).
"""
import argparse
import functools
import json
import pathlib
import subprocess
import sys
import tempfile

import check_adapter
import common
import four_bit
import loaders
import torch
import variants
from transformers import AutoModelForCausalLM

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


def train(a, model, options, output, work):
    base = common.GOLDEN / model
    rows = [{"input_ids": e["input_ids"]} for e in batch_of(model) if len(e["input_ids"]) > 1]
    (work / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(a.llmft, "train", "--model", base, "--dataset", work / "rows.jsonl", "--dataset-format", "tokens", "--max-steps", 5,
        "--output-dir", output, *options, *([] if "--learning-rate" in options else ["--learning-rate", "1e-2"]))


def batch_of(model):
    return json.loads((common.GOLDEN / model / "batch.json").read_text())


def worst_difference(a, loaded, model, adapter, work):
    """Largest relative difference of the logits that llmft computes from two folders to those of the loaded model."""
    batch = common.GOLDEN / "tiny-wide" / "batch.json"
    run(a.dump_logits, model, adapter, batch, work / "logits")
    return max(d[0] for d in check_adapter.differences(loaded, batch, work / "logits"))


def adapter_row(name, model, options, a, work):
    """Trains an adapter; its logits in PEFT and, merged, in transformers."""
    base, output, merged = common.GOLDEN / model, work / name, work / f"{name}-merged"
    train(a, model, options, output, work)
    plain = four_bit.save_decoded(base, work / f"decoded-{model}") if model in four_bit.MODELS else base
    loaded = check_adapter.load(plain, output)
    run(a.llmft, "merge", "--model", base, "--adapter", output, "--output", merged, "--dtype", "f32")
    config = json.loads((base / "config.json").read_text())
    return {"error": worst_difference(a, loaded, base, output, work),
            "merged": worst_difference(a, check_adapter.load(merged, "none"), base, output, work),
            **loaders.verdicts(output, config["num_hidden_layers"], config["vocab_size"])}


def full_row(name, model, options, a, work):
    train(a, model, options, work / name, work)
    return {"error": worst_difference(a, check_adapter.load(work / name, "none"), work / name, "none", work)}


def quantised_row(quant_type, double, a, work):
    """llmft quantises; bitsandbytes loads it, and must hold the bytes of its own quantisation."""
    source, output = common.GOLDEN / "tiny-wide", work / f"{quant_type}-{double}"
    run(a.llmft, "quantize", "--model", source, "--output", output, "--quantization", quant_type, "--double-quant",
        str(double).lower())
    loaded = AutoModelForCausalLM.from_pretrained(output, device_map="cpu").state_dict()
    want = four_bit.quantised(source, quant_type, double).state_dict()
    different = [k for k in want.keys() | loaded.keys()
                 if k not in loaded or k not in want or not torch.equal(loaded[k], want[k])]
    if different:
        raise ValueError(f"{output}: bitsandbytes quantises to other bytes: {sorted(different)}")
    plain = check_adapter.load(four_bit.save_decoded(output, work / "plain"), "none")
    return {"error": worst_difference(a, plain, output, "none", work)}


def rows(a, work):
    """(name, model, how to make the row) of the whole table."""
    adapters = STARTS | {name: (model, flags(options)) for name, (model, options) in variants.VARIANTS.items()}
    for name, (model, options) in adapters.items():
        make = full_row if "--method" in options else adapter_row
        yield name, model, functools.partial(make, name, model, options, a, work)
    for quant_type in ("nf4", "fp4"):
        for double in (True, False):
            yield (f"quantize {quant_type}{', doubly' if double else ''}", "tiny-wide",
                   functools.partial(quantised_row, quant_type, double, a, work))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("llmft", type=lambda p: pathlib.Path(p).resolve())
    ap.add_argument("dump_logits", type=lambda p: pathlib.Path(p).resolve())
    ap.add_argument("--json", type=pathlib.Path, help="one line for each row")
    ap.add_argument("--only")
    a = ap.parse_args()
    lines, failed = [], 0
    with tempfile.TemporaryDirectory() as work:
        for name, model, make in rows(a, pathlib.Path(work)):
            if a.only not in (None, name):
                continue
            try:
                row = {"name": name, "model": model, **make()}
            except ValueError as error:
                failed += 1
                print(f"{name} of {model}: FAILED: {error}", flush=True)
                continue
            passed = all(row.get(k, 0) <= ALLOWED for k in ("error", "merged"))
            failed += not passed
            lines.append(json.dumps(row))
            print(f"{name} of {model}: {'ok' if passed else 'FAILED'}: " + "; ".join(
                f"{words} {row[k] if isinstance(row[k], str) else format(row[k], '.1e')}" for k, words in (
                    ("error", "logits off by"), ("merged", "merged"), ("vLLM", "vLLM"), ("TGI", "TGI")) if k in row), flush=True)
    if a.json:
        a.json.write_text("".join(line + "\n" for line in lines))
    print(f"{len(lines)} compared, {failed} failed")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
