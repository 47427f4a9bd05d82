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
    """The model, or the model under the adapter; ValueError where PEFT and the file disagree about a tensor."""
    model = common.load_model(model_folder)
    if adapter_folder == "none":
        return model
    model = peft.PeftModel.from_pretrained(model, adapter_folder).eval()
    file = load_file(pathlib.Path(adapter_folder) / "adapter_model.safetensors")
    held = peft.get_peft_model_state_dict(model)
    # PEFT saves the frozen base of an embedding beside its LoRA; it does not need it back.
    missing = [k for k in held.keys() - file.keys() if not k.endswith(".base_layer.weight")]
    if missing or file.keys() - held.keys():
        raise ValueError(f"{adapter_folder}: tensors PEFT has no place for {sorted(file.keys() - held.keys())}, "
                         f"tensors PEFT misses {sorted(missing)}")
    wrong = [k for k, t in file.items() if not torch.equal(held[k], t.to(held[k].dtype))]
    if wrong:
        raise ValueError(f"{adapter_folder}: PEFT read other values than the file holds: {wrong}")
    return model


def differences(model, batch, logits):
    """Of each example: ‖got − want‖ / ‖want‖, the cosine and the largest difference, against logits.<i> of a file."""
    dumped = load_file(logits)
    for i, example in enumerate(json.loads(pathlib.Path(batch).read_text())):
        with torch.no_grad():
            want = model(input_ids=torch.tensor([example["input_ids"]])).logits[0].double()
        got = dumped[f"logits.{i}"].double()
        if got.shape != want.shape:
            raise ValueError(f"{logits}: logits.{i} has shape {tuple(got.shape)}, PEFT computes {tuple(want.shape)}")
        yield (float((got - want).norm() / want.norm()), float((got * want).sum() / (got.norm() * want.norm())),
               float((got - want).abs().max()))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "adapter", "batch", "logits"):
        ap.add_argument(name)
    ap.add_argument("--tolerance", type=float, default=1e-4)
    a = ap.parse_args()
    try:
        found = list(differences(load(a.model, a.adapter), a.batch, a.logits))
    except ValueError as error:
        sys.exit(str(error))
    for i, (relative, cosine, largest) in enumerate(found):
        print(f"example {i}: cosine {cosine:.9f}, largest difference {largest:.3e}, relative {relative:.3e}")
    passed = bool(found) and all(f[0] <= a.tolerance for f in found)
    worst = torch.tensor([f[0] for f in found] or [torch.nan]).max().item()
    print(f"{'ok' if passed else 'FAILED'}: relative difference {worst:.3e}, allowed {a.tolerance:g}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
