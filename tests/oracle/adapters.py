"""LoRA adapters made, saved and read by PEFT."""
import json
import math
import re

import peft
import torch
from safetensors.torch import load_file


def attach(model, name, seed, rank, alpha, b_std=0.0, **options):
    """PEFT's default start (A uniform Kaiming, B zero) under a seed; B normal(0, b_std) when b_std > 0.

    PEFT expands "all-linear" to whole module names in models of fewer than 20 linears, and saves those.
    """
    torch.manual_seed(seed)
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=rank, lora_alpha=alpha, base_model_name_or_path=name, **options)
    model = peft.get_peft_model(model, config)
    model.peft_config["default"].base_model_name_or_path = name
    if b_std > 0:
        with torch.no_grad():
            for key, p in model.named_parameters():
                if "lora_B" in key:
                    p.normal_(0, b_std)
    return model


def sort_lists(folder):
    """Sets that PEFT writes in any order, in a fixed one, so that a second run writes the same."""
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    for key in ("target_modules", "exclude_modules", "modules_to_save"):
        if isinstance(config[key], list):
            config[key] = sorted(config[key])
    path.write_text(json.dumps(config, indent=2, sort_keys=True))


def save(model, folder):
    """PEFT's folder without its model card."""
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    sort_lists(folder)


def load(model, folder):
    return peft.PeftModel.from_pretrained(model, str(folder), is_trainable=True).eval()


def file_name(parameter):
    """The name in adapter_model.safetensors of a parameter of a PEFT model."""
    return re.sub(r"\.modules_to_save\.default\b|\.default\b", "", parameter)


def named(model, of):
    """of(parameter) for the trained parameters, by their name in the file: adapter_model.safetensors' or the model's."""
    return {file_name(k): of(p) for k, p in model.named_parameters() if p.requires_grad}


def scale(folder):
    """Of each adapted module: alpha/r, or alpha/sqrt(r) with rsLoRA; the first pattern that matches wins."""
    config = json.loads((folder / "adapter_config.json").read_text())

    def find(patterns, module, otherwise):
        for pattern, value in patterns.items():
            if re.match(rf"(.*\.)?({pattern})$", module):
                return value
        return otherwise

    def of(module):
        r = find(config["rank_pattern"], module, config["r"])
        alpha = find(config["alpha_pattern"], module, config["lora_alpha"])
        return alpha / (math.sqrt(r) if config["use_rslora"] else r)

    return of


def read_f64(folder):
    return {k: v.double() for k, v in load_file(folder / "adapter_model.safetensors").items()}
