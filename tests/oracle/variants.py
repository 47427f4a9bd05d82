"""Case H: LoRA's options, each on a tiny model: the adapter as PEFT saves it and the gradients of gradients.py's batch.

  grad-lora-<variant>   adapter/, expected.safetensors: the gradient of every trained tensor, by its name in the adapter's
                        file; expected.json as gradients.py
Every trained tensor is random, none of them zero or equal to the base.
"""
import numpy as np
import torch
from safetensors.torch import load_file

import adapters
import common
import four_bit
import gradients
import llama_f64
import tiny_models

BIASED, TIED = "tiny-llama-bias", "tiny-qwen2"
ALL = "all-linear"
# variant: (model, options of LoraConfig besides r 3 and alpha 5)
VARIANTS = {
    # Patterns overlap, and the file has them in alphabetical order: the first that matches wins.
    "patterns": (BIASED, dict(target_modules=ALL, rank_pattern={
        r"layers\.1\.self_attn\..*": 4, r"mlp\.(gate|up)_proj": 2, "q_proj": 1}, alpha_pattern={
        r".*\.o_proj": 12, "down_proj": 1, "model.layers.0.mlp.down_proj": 20, "v_proj": 0.5})),
    "rslora": (BIASED, dict(target_modules=["k_proj", "down_proj"], use_rslora=True)),
    "rslora-patterns": (TIED, dict(target_modules=ALL, use_rslora=True, rank_pattern={"k_proj": 2, "up_proj": 5},
                                   alpha_pattern={r"1\.mlp.*": 9})),
    "layers": (BIASED, dict(target_modules=["q_proj", "up_proj"], layers_to_transform=[1], layers_pattern="layers")),
    "layer-zero": (TIED, dict(target_modules=["v_proj", "mlp.down_proj"], layers_to_transform=0)),
    "exclude": (BIASED, dict(target_modules=ALL, exclude_modules=["o_proj", "layers.0.mlp.down_proj"])),
    "exclude-regex": (TIED, dict(target_modules=["q_proj", "k_proj", "o_proj"], exclude_modules=r".*\.0\..*[qk]_proj")),
    "regex": (BIASED, dict(target_modules=r".*\.self_attn\.(q|v)_proj|model\.layers\.1\.mlp\.down_proj")),
    "init-false": (TIED, dict(target_modules=["q_proj"], init_lora_weights=False)),
    "lora-bias": (BIASED, dict(target_modules=["v_proj", "up_proj", "down_proj"], lora_bias=True)),
    "bias-all": (BIASED, dict(target_modules=["q_proj", "down_proj"], bias="all")),
    "bias-only": (BIASED, dict(target_modules=["k_proj", "o_proj", "gate_proj"], bias="lora_only")),
    "bias-qwen2": (TIED, dict(target_modules=["v_proj", "o_proj"], bias="all")),
    "save-norms": (BIASED, dict(target_modules=["q_proj"], modules_to_save=["input_layernorm", "norm", "lm_head"])),
    "save-embed": (BIASED, dict(target_modules=["v_proj"], modules_to_save=["embed_tokens"])),
    "save-embed-tied": (TIED, dict(target_modules=["v_proj"], modules_to_save=["embed_tokens"])),
    "save-head-tied": (TIED, dict(target_modules=["v_proj"], modules_to_save=["lm_head"])),
    "save-qk-norms": ("tiny-qwen3", dict(target_modules=["q_proj", "o_proj"], modules_to_save=["q_norm", "k_norm"])),
    "embed": (BIASED, dict(target_modules=["embed_tokens", "q_proj"])),
    "embed-tied": (TIED, dict(target_modules=["embed_tokens", "q_proj"])),
    "head": (BIASED, dict(target_modules=["lm_head", "v_proj"])),
    "head-tied": (TIED, dict(target_modules=["lm_head", "v_proj"])),
    "embed-rslora": (BIASED, dict(target_modules=["embed_tokens", "lm_head"], use_rslora=True,
                                  rank_pattern={"lm_head": 2})),
    "nf4": ("tiny-nf4", dict(target_modules=["q_proj", "v_proj", "o_proj", "down_proj"])),
    "plain": (BIASED, dict(target_modules=["q_proj", "o_proj", "down_proj"])),
}


def randomise(model, seed):
    """Every trained tensor away from its start: adapters normal, what PEFT copied or trains in place moved a little."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad:
                x = torch.from_numpy(rng.standard_normal(tuple(p.shape)).astype(np.float32))
                if "lora_" in name:
                    p.copy_(x * (0.3 if ".bias" in name or "embedding" in name else 0.2))
                else:
                    p.add_(0.1 * x)


def base(out, name, scratch):
    """The folder to compute with: of a base in four bits its decoded weights."""
    if name not in four_bit.MODELS:
        return out / name
    return four_bit.save_decoded(out / name, scratch / f"decoded-{name}")


def make_one(out, variant, seed, scratch):
    name, options = VARIANTS[variant]
    path = base(out, name, scratch)
    folder, batch = out / f"grad-lora-{variant}", gradients.make_batch(common.load_model(path), name)
    start = adapters.attach(common.load_model(path), name, seed, rank=3, alpha=5, b_std=0.0, **options)
    randomise(start, seed)
    adapters.save(start, folder / "adapter")
    model = adapters.load(common.load_model(path), folder / "adapter")
    expected = gradients.backward(model, batch)
    tensors = adapters.named(model, lambda p: p.grad)
    file = load_file(folder / "adapter" / "adapter_model.safetensors")
    assert tensors.keys() <= file.keys(), (variant, tensors.keys() - file.keys())
    assert all(t.dtype == torch.float32 for t in file.values())

    config, weights = tiny_models.read_f64(path)
    lora, scale = adapters.read_f64(folder / "adapter"), adapters.scale(folder / "adapter")
    for frozen in file.keys() - tensors.keys():   # the base embedding, which PEFT saves beside its LoRA
        assert frozen.endswith(("embed_tokens.base_layer.weight", "lm_head.base_layer.weight")), frozen
        del lora[frozen]
    want = llama_f64.gradients(lora, lambda: llama_f64.loss(config, weights, batch, lora, scale))
    gradients.check(expected, tensors, llama_f64.loss(config, weights, batch, lora, scale), want)
    common.write_case(folder, {"kind": "lora_gradient", "model": name, "adapter": f"{folder.name}/adapter"}, batch,
                      expected, tensors)
    gradients.describe(folder.name, expected)


def make(out, scratch):
    for seed, variant in enumerate(VARIANTS, start=201):
        make_one(out, variant, seed, scratch)
