"""Case I: adapters merged into their base and into each other, by PEFT.

  merge-<variant>     the model and adapter of grad-lora-<variant>; expected.safetensors holds logits.<i> of the merged
                      model and, for some, every tensor of it that differs from the base's, by its name in
                      model.safetensors; expected.json names those tensors for all
  merge-bf16          the same in a bf16 model: the difference is rounded to bf16, added, and rounded again
  combine-<how>       two adapters with weights: adapter/ as add_weighted_adapter makes it, and the logits with it
case.json: adapter or adapters and weights, combination, dtype, and untied where a tied model has two embeddings afterwards.
PEFT adds a LoRA of a tied embedding to the weight that the head shares; here the head keeps its own, as it computed before.
"""
import json
import shutil

import numpy as np
import peft
import torch

import adapters
import common
import four_bit
import llama_f64
import tiny_models
import variants

MERGED = ["regex", "rslora-patterns", "embed", "embed-tied", "head", "head-tied", "lora-bias", "bias-only", "save-norms",
          "save-embed-tied", "nf4"]
WITH_TENSORS = ["regex", "embed-tied", "lora-bias"]
COMBINED = {"linear": [0.7, -0.4], "cat": [0.7, -0.4]}
# PEFT gives the sum the first one's config but for r and alpha: excludes or rsLoRA there would change what it is.
PAIR = ["plain", "rslora"]
LENGTHS = (5, 23)


def documents(seed):
    rng = np.random.default_rng(seed)
    return [{"input_ids": ids, "labels": ids} for ids in (common.random_ids(rng, 31, n) for n in LENGTHS)]


def logits(model, batch):
    with torch.no_grad():
        return {f"logits.{i}": model(input_ids=torch.tensor([e["input_ids"]])).logits[0] for i, e in enumerate(batch)}


def untie(model):
    model.config.tie_word_embeddings = False
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    return model


def tensors_of(model, tied):
    """The weights by name; of tied embeddings one."""
    return {k: v.clone() for k, v in model.state_dict().items() if not (tied and k == "lm_head.weight")}


def merge_one(out, variant, scratch, dtype=torch.float32):
    name = variants.VARIANTS[variant][0]
    path, source = variants.base(out, name, scratch), out / f"grad-lora-{variant}" / "adapter"
    batch, tied = documents(7), json.loads((path / "config.json").read_text())["tie_word_embeddings"]
    unties = tied and ("embed" in variant or "head" in variant)
    base = common.load_model(path).to(dtype)
    before = tensors_of(base, tied)
    if unties:
        untie(base)
    model = adapters.load(base, source)
    unmerged = logits(model, batch)
    merged = model.merge_and_unload()
    after = tensors_of(merged, tied and not unties)
    changed = {k: v for k, v in after.items() if k not in before or not torch.equal(v, before[k])}
    tensors = {**logits(merged, batch), **(changed if variant in WITH_TENSORS else {})}
    if dtype == torch.float32:
        error = max(float((tensors[k] - v).norm() / v.norm()) for k, v in unmerged.items())
        assert error < 3e-6, (variant, error)
        config, weights = tiny_models.read_f64(path)
        lora, scale = adapters.read_f64(source), adapters.scale(source)
        llama_f64.worst({k: v for k, v in tensors.items() if k.startswith("logits")},
                        {f"logits.{i}": llama_f64.forward(config, weights, e["input_ids"], lora, scale)
                         for i, e in enumerate(batch)})
    else:
        tensors = changed   # logits in bf16 depend on the order of sums
    case = {"kind": "merge", "model": name, "adapter": f"grad-lora-{variant}/adapter",
            "dtype": str(dtype).removeprefix("torch."), "untied": unties}
    folder = out / ("merge-bf16" if dtype == torch.bfloat16 else f"merge-{variant}")
    common.write_case(folder, case, batch, {"changed": sorted(changed)}, tensors)
    print(f"{folder.name}: {len(changed)} tensors change{', untied' if unties else ''}")


def combine_one(out, how, weights):
    name, batch, folder = variants.VARIANTS[PAIR[0]][0], documents(8), out / f"combine-{how}"
    sources = [out / f"grad-lora-{v}" / "adapter" for v in PAIR]
    model = peft.PeftModel.from_pretrained(common.load_model(out / name), str(sources[0]), adapter_name="first").eval()
    model.load_adapter(str(sources[1]), adapter_name="second")
    torch.manual_seed(0)   # the new rank starts random and is multiplied by zero: the signs stay
    model.add_weighted_adapter(["first", "second"], weights, "both", combination_type=how)
    model.set_adapter("both")
    tensors = logits(model, batch)
    model.peft_config["both"].base_model_name_or_path = name
    model.save_pretrained(folder, selected_adapters=["both"])
    shutil.rmtree(folder / "adapter", ignore_errors=True)
    (folder / "both").rename(folder / "adapter")
    (folder / "README.md").unlink(missing_ok=True)
    adapters.sort_lists(folder / "adapter")
    config, base = tiny_models.read_f64(out / name)
    lora, scale = adapters.read_f64(folder / "adapter"), adapters.scale(folder / "adapter")
    llama_f64.worst(tensors, {f"logits.{i}": llama_f64.forward(config, base, e["input_ids"], lora, scale)
                              for i, e in enumerate(batch)})
    case = {"kind": "combine", "model": name, "adapters": [f"grad-lora-{v}/adapter" for v in PAIR], "weights": weights,
            "combination": how, "adapter": f"{folder.name}/adapter"}
    common.write_case(folder, case, batch, {"r": model.peft_config["both"].r}, tensors)
    print(f"{folder.name}: rank {model.peft_config['both'].r}")


def make(out, scratch):
    for variant in MERGED:
        merge_one(out, variant, scratch)
    merge_one(out, "regex", scratch, torch.bfloat16)
    for how, weights in COMBINED.items():
        combine_one(out, how, weights)
