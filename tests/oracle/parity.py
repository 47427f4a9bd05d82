#!/usr/bin/env python3
"""The table of worst errors, per family and method: tests/oracle/PARITY.md.

    python3 tests/oracle/parity.py LLMFT_PARITY [--way-back FILE] [--write | --check]

LLMFT_PARITY is the program (tests/oracle/parity.cpp) that measures every golden; FILE is what check_llmft.py --json wrote.
Prints the table; --write keeps it; --check fails where it has other rows than the kept one or an error is more than
allowed. Numbers themselves depend a little on the machine. Needs no library.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

import loaders

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parent / "golden"
KEPT = HERE / "PARITY.md"
INTRODUCTION = """# How far llmft lies from transformers, PEFT and bitsandbytes

Written by `make oracle` (`tests/oracle/parity.py`); the same numbers are checked by the tests in `tests/model`. Errors are
relative, ‖llmft − theirs‖ / ‖theirs‖ of the worst tensor or document, the larger of oneDNN's and our own GEMM, in f32. The
column "golden" is how far the golden itself lies from float64: less cannot be asked. Codes, scales and states of four bits
are equal byte for byte; in bf16 a merged weight is at most one step off, which PEFT's second rounding takes.
"""
CONFIG_NOTES = ("sliding_window", "max_window_layers", "layer_types", "attention_bias", "mlp_bias")


def read_json(path):
    return json.loads(path.read_text())


def measure(program):
    """{(case, quantity): {"error", "allowed"}} with the worst GEMM, and the cases that could not be measured."""
    found, failed = {}, []
    for line in subprocess.run([program], capture_output=True, text=True).stdout.splitlines():
        one = json.loads(line)
        if "failed" in one:
            failed.append(f"{one['case']}: {one['failed']}")
            continue
        error = float("inf") if one["error"] is None else one["error"]
        before = found.setdefault((one["case"], one["quantity"]), {"error": 0.0, "allowed": one["allowed"]})
        before["error"] = max(before["error"], error)
        if not error <= one["allowed"]:
            failed.append(f"{one['case']}: {one['quantity']} {one.get('where', '')} off by {error}, allowed {one['allowed']}")
    return found, failed


def number(x):
    return "" if x is None else f"{x:.1e}"


def error_of(found, case, quantity):
    return found.get((case, quantity), {}).get("error")


def golden_error(*cases):
    """The worst distance from float64 that the cases' expected.json notes."""
    errors = [v for case in cases if (GOLDEN / case / "expected.json").is_file()
              for k, v in read_json(GOLDEN / case / "expected.json").items() if k.endswith("against_f64") and isinstance(v, float)
              and k != "sum_loss_f64"]
    return max(errors, default=None)


def describe(model):
    """What is special about a tiny model, from its config.json."""
    config = read_json(GOLDEN / model / "config.json")
    rope = {**(config.get("rope_parameters") or {}), **(config.get("rope_scaling") or {})}
    kind = rope.get("rope_type", rope.get("type", "default"))
    words = [config["model_type"], "tied" if config["tie_word_embeddings"] else "untied"]
    if config.get("head_dim", 0) not in (None, 0, config["hidden_size"] // config["num_attention_heads"]):
        words.append("own head_dim")
    if config["model_type"] == "mistral" and config.get("sliding_window") or config.get("use_sliding_window"):
        words.append("window")
    if config["model_type"] == "qwen2" or config.get("attention_bias") or config.get("mlp_bias"):
        words.append("biases")
    if config["model_type"] == "qwen3":
        words.append("norms of q and k")
    if kind != "default":
        words.append(f"{kind} rope")
    if "quantization_config" in config:
        settings = config["quantization_config"]
        words.append(settings["bnb_4bit_quant_type"] + (" doubly quantised" if settings["bnb_4bit_use_double_quant"] else ""))
    return ", ".join(words)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def models(found):
    rows = []
    for folder in sorted(GOLDEN.glob("*/config.json")):
        name = folder.parent.name
        rows.append([name, describe(name), number(error_of(found, name, "logits")),
                     number(error_of(found, f"grad-full-{name}", "gradients")),
                     number(error_of(found, f"curve-full-{name}", "final tensors")),
                     number(golden_error(name, f"grad-full-{name}", f"curve-full-{name}"))])
    return table(["model", "what", "logits", "gradients", "ten steps, all weights", "golden"], rows)


def methods(found):
    names = sorted({p.parent.name.split("-", 2)[2] if p.parent.name[0] == "g" else p.parent.name.split("-", 1)[1].removeprefix("lora-")
                    for p in [*GOLDEN.glob("grad-lora-*/case.json"), *GOLDEN.glob("grad-dropout-*/case.json"),
                              *GOLDEN.glob("curve-*lora-*/case.json")]})
    rows = []
    for name in names:
        gradient, curve = f"grad-lora-{name}", f"curve-lora-{name}"
        if name.startswith("qlora-"):
            curve = f"curve-{name}"
        if not (GOLDEN / gradient).is_dir() and (GOLDEN / f"grad-dropout-{name}").is_dir():
            gradient = f"grad-dropout-{name}"
        cases = [read_json(GOLDEN / c / "case.json") for c in (gradient, curve) if (GOLDEN / c).is_dir()]
        verdicts = loaders.verdicts(GOLDEN / cases[0]["adapter"], *shape(cases[0]["model"]))
        rows.append([name, ", ".join(dict.fromkeys(c["model"] for c in cases)), number(error_of(found, gradient, "gradients")),
                     number(error_of(found, curve, "loss")), number(error_of(found, curve, "final tensors")),
                     number(error_of(found, f"merge-{name}", "logits")), number(golden_error(gradient, curve)),
                     verdicts["vLLM"], verdicts["TGI"]])
    return table(["option", "model", "gradients", "loss of ten steps", "tensors after them", "merged", "golden", "vLLM", "TGI"],
                 rows)


def merges(found):
    """Merged and combined adapters: the weights or factors where the golden has them, and the logits."""
    rows = []
    for path in [*sorted(GOLDEN.glob("merge-*/case.json")), *sorted(GOLDEN.glob("combine-*/case.json"))]:
        case, name = read_json(path), path.parent.name
        held = [t for t in loaders.read_header(path.parent / "expected.safetensors") if not t.startswith("logits.")]
        tensors = number(error_of(found, name, "tensors")) if held or "adapters" in case else ""
        rows.append([name, case["model"], tensors, number(error_of(found, name, "logits"))])
    return table(["case", "model", "tensors", "logits"], rows)


def shape(model):
    if model.startswith("data/"):
        return None, None
    config = read_json(GOLDEN / model / "config.json")
    return config["num_hidden_layers"], config["vocab_size"]


def ways_back(path):
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return table(["option", "model", "logits", "merged, in transformers", "vLLM", "TGI"],
                 [[r["name"], r["model"], number(r["error"]), number(r.get("merged")), r.get("vLLM", ""), r.get("TGI", "")]
                  for r in rows])


def without_numbers(text):
    """What has to stay: not the numbers, and not the rows that need the data folder."""
    lines = [line for line in text.splitlines() if "| data/" not in line]
    return re.sub(r"\d(\.\d)?e[-+]\d\d", "#", "\n".join(lines))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("program", type=pathlib.Path)
    ap.add_argument("--way-back", type=pathlib.Path)
    ap.add_argument("--write", action="store_true")
    ap.add_argument("--check", action="store_true")
    a = ap.parse_args()
    found, failed = measure(a.program.resolve())
    parts = [INTRODUCTION, "## Models\n", models(found), "## LoRA's options: from PEFT\n", methods(found),
             "## Merged and combined adapters\n", merges(found)]
    if a.way_back:
        parts += ["## The way back: what llmft trained, merged or quantised, in PEFT, transformers and bitsandbytes\n", ways_back(a.way_back)]
    text = "\n".join(parts)
    print(text)
    for line in failed:
        print(f"FAILED: {line}")
    if a.write:
        KEPT.write_text(text, encoding="utf-8")
    if a.check and without_numbers(text) != without_numbers(KEPT.read_text(encoding="utf-8")):
        print(f"{KEPT.name} has other rows: write it again with --write")
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
