#!/usr/bin/env python3
"""Makes the goldens under tests/golden/ with the real libraries (requirements.txt), on one CPU thread, in f32.

    python tests/oracle/make_goldens.py [--out tests/golden] [--only A,B,...] [--smollm2 DIR]
    python tests/oracle/make_goldens.py --check [...]      make them elsewhere and compare with what is committed

--only: parts by letter: A tiny models of every family and their logits, B gradients, C training curves, D dropout,
E texts, F schedules, RoPE and counts, G 4-bit storage, H options of LoRA, I merges, J GGUF files, K chat templates.
Real weights and texts come from the data folder (LLMFT_TEST_DATA, else ../shared/data beside the repository); --smollm2
names a folder of SmolLM2-135M-Instruct. Cases whose weights are missing are skipped and said so.
The same machine writes the same bytes again. Another one may round otherwise: --check allows 1e-5 relative (1e-4 for
texts, 1e-3 for curves, which amplify it) and equal integers.
"""
import argparse
import json
import pathlib
import sys
import tempfile

import common
from safetensors.torch import load_file

import cached
import curves
import dropout
import families
import four_bit
import ggufs
import gradients
import merges
import rope
import schedules
import templates
import texts
import tiny_models
import trainable
import variants

TOLERANCES = {"curve": 1e-3, "text": 1e-4}


def close(got, want, tolerance):
    if isinstance(want, dict):
        return got.keys() == want.keys() and all(
            k.endswith("against_f64") or close(got[k], want[k], tolerance) for k in want)
    if isinstance(want, list):
        return len(got) == len(want) and all(close(g, w, tolerance) for g, w in zip(got, want))
    if isinstance(want, float):
        return abs(got - want) <= tolerance * max(1.0, abs(want))
    return got == want


def same_tensors(made, kept, tolerance):
    a, b = load_file(made), load_file(kept)
    return a.keys() == b.keys() and all(
        a[k].shape == b[k].shape and a[k].dtype == b[k].dtype
        and float((a[k].double() - b[k].double()).norm()) <= tolerance * float(b[k].double().norm()) for k in b)


def compare(made, kept):
    """One line for each file that differs; returns how many differ beyond the tolerance."""
    bad = 0
    for path in sorted(p for p in made.rglob("*") if p.is_file()):
        name = path.relative_to(made)
        other = kept / name
        if other.is_file() and other.read_bytes() == path.read_bytes():
            continue
        tolerance = TOLERANCES.get(name.parts[0].split("-")[0], 1e-5)
        if not other.is_file():
            ok = False
        elif path.suffix == ".safetensors":
            ok = same_tensors(path, other, tolerance)
        else:
            ok = close(json.loads(path.read_text()), json.loads(other.read_text()), tolerance)
        print(f"{'rounds otherwise' if ok else 'DIFFERS'}: {name}")
        bad += not ok
    return bad


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", type=pathlib.Path, default=common.GOLDEN)
    ap.add_argument("--only", default="A,B,C,D,E,F,G,H,I,J,K")
    ap.add_argument("--smollm2", type=pathlib.Path)
    ap.add_argument("--check", action="store_true")
    a = ap.parse_args()
    parts = a.only.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        out = scratch / "made" if a.check else a.out
        out.mkdir(exist_ok=True)
        if "A" in parts or a.check:
            tiny_models.make(out)
            families.make(out)
            cached.make(out)
        if "G" in parts or a.check:
            four_bit.make(out, scratch)
        if "B" in parts or ("D" in parts and a.check):
            gradients.make(out)
        if "C" in parts:
            curves.make(out, common.data_folder(), scratch)
        if "D" in parts:
            dropout.make(out)
        if "E" in parts:
            texts.make(out, common.data_folder(), a.smollm2)
        if "J" in parts or a.check:
            ggufs.make(out)
        if "F" in parts:
            schedules.make(out)
            rope.make(out)
            trainable.make(out)
        if "H" in parts or ("I" in parts and a.check):
            variants.make(out, scratch)
        if "I" in parts:
            merges.make(out, scratch)
        if "K" in parts:
            templates.make(out, common.data_folder(), a.smollm2)
        if a.check:
            bad = compare(out, a.out)
            print(f"{bad} files differ")
            return bad != 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
