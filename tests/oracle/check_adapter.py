#!/usr/bin/env python3
"""The way back: does PEFT compute from an adapter folder that llmft wrote what llmft computed?

    python tests/oracle/check_adapter.py MODEL ADAPTER BATCH LOGITS [--tolerance 1e-4]

MODEL    Hugging Face folder of the base          ADAPTER  PEFT folder; "none" checks a whole model (full, merged)
BATCH    batch.json: list of {"input_ids": [...]} LOGITS   safetensors with logits.<i> (T, V) f32, as llmft dumped them
Every tensor of the adapter's file must land in a parameter and every adapter parameter must come from the file.
Prints cosine, largest absolute and relative (norm) difference of each example; exit status 1 beyond the tolerance.
"""
import argparse
import json
import pathlib
import sys

import common
import peft
import torch
from safetensors.torch import load_file


def load(model_folder, adapter_folder):
    model = common.load_model(model_folder)
    if adapter_folder == "none":
        return model
    model = peft.PeftModel.from_pretrained(model, adapter_folder).eval()
    file = load_file(pathlib.Path(adapter_folder) / "adapter_model.safetensors")
    wanted = {k.replace(".default.", "."): p for k, p in model.named_parameters() if "lora_" in k}
    if file.keys() != wanted.keys():
        sys.exit(f"{adapter_folder}: tensors PEFT has no place for {sorted(file.keys() - wanted.keys())}, "
                 f"tensors PEFT misses {sorted(wanted.keys() - file.keys())}")
    wrong = [k for k, p in wanted.items() if not torch.equal(p.detach(), file[k].to(p.dtype))]
    if wrong:
        sys.exit(f"{adapter_folder}: PEFT read other values than the file holds: {wrong}")
    return model


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "adapter", "batch", "logits"):
        ap.add_argument(name)
    ap.add_argument("--tolerance", type=float, default=1e-4)
    a = ap.parse_args()
    model, dumped = load(a.model, a.adapter), load_file(a.logits)
    examples = json.loads(pathlib.Path(a.batch).read_text())
    differences = []
    for i, example in enumerate(examples):
        with torch.no_grad():
            want = model(input_ids=torch.tensor([example["input_ids"]])).logits[0].double()
        got = dumped[f"logits.{i}"].double()
        if got.shape != want.shape:
            sys.exit(f"{a.logits}: logits.{i} has shape {tuple(got.shape)}, PEFT computes {tuple(want.shape)}")
        relative = float((got - want).norm() / want.norm())
        cosine = float((got * want).sum() / (got.norm() * want.norm()))
        print(f"example {i}: {len(example['input_ids'])} tokens, cosine {cosine:.9f}, largest difference "
              f"{float((got - want).abs().max()):.3e}, relative {relative:.3e}")
        differences.append(relative)
    passed = bool(differences) and all(d <= a.tolerance for d in differences)
    worst = torch.tensor(differences or [torch.nan]).max().item()
    print(f"{'ok' if passed else 'FAILED'}: relative difference {worst:.3e}, allowed {a.tolerance:g}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
