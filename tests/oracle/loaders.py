#!/usr/bin/env python3
"""What servers make of an adapter folder: the rules by which vLLM and TGI load LoRA adapters, restated (no library needed).

    python3 tests/oracle/loaders.py ADAPTER... [--layers N] [--vocab N] [--max-rank 64]

Each server gets a verdict: "accepted", "rejected: why", or "changed: why" where it loads and computes something else.
Sources: vllm/lora/peft_helper.py and lora_model.py; text-generation-inference server/lora and utils/peft.py.
"""
import argparse
import json
import pathlib
import re
import struct

LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
REQUIRED = ("r", "lora_alpha", "target_modules")
PLAIN_STARTS = (True, False, "gaussian", "eva", "orthogonal", "mica", "lora_ga")   # these leave the base alone
HEADS = ("classifier", "score")
PREFIX = "base_model.model."
FACTORS = (".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", ".lora_embedding_B")


def read_header(path):
    """name -> shape of a safetensors file."""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    return {k: tuple(v["shape"]) for k, v in header.items() if k != "__metadata__"}


def largest_rank(config):
    return max([config["r"], *(config.get("rank_pattern") or {}).values()])


def vllm_refusals(config, tensors, max_rank, vocab):
    """Reasons, one a line, why vLLM refuses the folder."""
    for key in REQUIRED:
        if key not in config:
            yield f"adapter_config.json has no {key}"
            return
    if config.get("bias", "none") != "none":
        yield f"bias {config['bias']!r}"
    if [m for m in config.get("modules_to_save") or [] if m not in HEADS]:
        yield f"modules_to_save {config['modules_to_save']}"
    for key in ("use_dora", "lora_bias", "alora_invocation_tokens", "layer_replication", "use_bdlora", "use_qalora"):
        if config.get(key):
            yield key
    if config.get("init_lora_weights", True) not in PLAIN_STARTS:
        yield f"init_lora_weights {config['init_lora_weights']!r}"
    if largest_rank(config) > max_rank:
        yield f"rank {largest_rank(config)} above {max_rank}"
    for name, shape in tensors.items():
        if name.endswith((".embed_tokens.base_layer.weight", ".lm_head.base_layer.weight")):
            continue   # PEFT's copy of the base: skipped
        if not name.endswith(FACTORS) or not name.startswith(PREFIX):
            yield f"tensor {name}"
            continue
        module = re.sub(r"\.lora_(embedding_)?[AB](\.weight)?$", "", name).rsplit(".", 1)[-1]
        if module not in (*LINEARS, "embed_tokens", "lm_head"):
            yield f"module {module}"
        if name.endswith(".lora_embedding_A") and vocab is not None and shape[1] != vocab:
            yield f"{name} has {shape[1]} columns for {vocab} tokens"


def tgi_changes(config, tensors, layers):
    """What TGI leaves out of the folder: it takes whole types of linears with one r and alpha."""
    if config.get("rank_pattern") or config.get("alpha_pattern"):
        yield "patterns ignored"
    for module in LINEARS:
        found = {m.group(1) for name in tensors
                 if (m := re.fullmatch(rf"{re.escape(PREFIX)}model\.layers\.(\d+)\..*\.?{module}\.lora_A\.weight", name))}
        if found and layers is not None and len(found) < layers:
            yield f"{module} dropped, which only {len(found)} of {layers} layers have"
    others = [n for n in tensors if not n.endswith((".lora_A.weight", ".lora_B.weight", ".base_layer.weight"))]
    if others:
        yield f"{others[0].removeprefix(PREFIX)} ignored" + (f" and {len(others) - 1} more" if others[1:] else "")
    if any(n.removeprefix(PREFIX).startswith("lm_head.lora_") for n in tensors):
        yield "lm_head ignored"


def verdicts(folder, layers=None, vocab=None, max_rank=64):
    """{"vLLM": verdict, "TGI": verdict} of an adapter folder."""
    config = json.loads((folder / "adapter_config.json").read_text())
    tensors = read_header(folder / "adapter_model.safetensors")
    refused = list(vllm_refusals(config, tensors, max_rank, vocab))
    changed = list(tgi_changes(config, tensors, layers))
    return {"vLLM": f"rejected: {refused[0]}" if refused else "accepted",
            "TGI": f"changed: {changed[0]}" if changed else "accepted"}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("adapter", type=pathlib.Path, nargs="+")
    ap.add_argument("--layers", type=int)
    ap.add_argument("--vocab", type=int)
    ap.add_argument("--max-rank", type=int, default=64)
    a = ap.parse_args()
    for folder in a.adapter:
        for server, verdict in verdicts(folder, a.layers, a.vocab, a.max_rank).items():
            print(f"{folder}: {server}: {verdict}")


if __name__ == "__main__":
    main()
