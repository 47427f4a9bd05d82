"""Case A, continued: the relatives of Llama and the rotary embeddings, as small random models like those of tiny_models.py.

  tiny-mistral           sliding window of 7 on every layer, grouped queries; documents longer than the window
  tiny-mistral-dim       head_dim != hidden/heads, no window (sliding_window null)
  tiny-qwen2             tied, biases on q, k and v
  tiny-qwen2-window      one full and one sliding layer by use_sliding_window and max_window_layers (no layer_types)
  tiny-qwen2-types       the other way round by layer_types alone
  tiny-qwen3             norms of q and k per head, head_dim != hidden/heads, attention_bias
  tiny-llama-bias        attention_bias and mlp_bias, eos a list
  tiny-rope-linear, -dynamic, -yarn, -yarn-mscale, -yarn-factor, -longrope, -longrope-top
                         Llama with that rotary embedding; documents below and above the length it was trained for
Weights are bf16, computed in f32. Logits as in tiny_models.py; the gradients are made by gradients.py.
transformers keeps the frequencies of the longest document so far, so each document runs in a model just loaded.
"""
import json

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

import common
import llama_f64
import rope_f64
import tiny_models

SMALL = dict(vocab_size=31, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             intermediate_size=20, max_position_embeddings=64, tie_word_embeddings=False, rms_norm_eps=1e-5)
WIDE = dict(SMALL, hidden_size=12, head_dim=8)
ROPED = dict(SMALL, model_type="llama", hidden_size=12, num_attention_heads=2, num_key_value_heads=1, head_dim=16)
SHORT_FACTORS = [1.0, 1.02, 1.05, 1.1, 1.2, 1.3, 1.5, 1.7]
LONG_FACTORS = [1.0, 1.1, 1.4, 1.9, 2.6, 3.1, 3.7, 4.0]

FAMILIES = {
    "tiny-mistral": dict(SMALL, model_type="mistral", sliding_window=7),
    "tiny-mistral-dim": dict(WIDE, model_type="mistral", sliding_window=None, rope_theta=1e6),
    "tiny-qwen2": dict(SMALL, model_type="qwen2", tie_word_embeddings=True),
    "tiny-qwen2-window": dict(SMALL, model_type="qwen2", use_sliding_window=True, sliding_window=5, max_window_layers=1),
    "tiny-qwen2-types": dict(SMALL, model_type="qwen2", use_sliding_window=True, sliding_window=5, max_window_layers=28,
                             layer_types=["sliding_attention", "full_attention"]),
    "tiny-qwen3": dict(WIDE, model_type="qwen3", attention_bias=True),
    "tiny-llama-bias": dict(SMALL, model_type="llama", attention_bias=True, mlp_bias=True, eos_token_id=[2, 5]),
}
ROPES = {
    "tiny-rope-linear": dict(ROPED, rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5}),
    "tiny-rope-dynamic": dict(ROPED, max_position_embeddings=16, rope_parameters={
        "rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}),
    "tiny-rope-yarn": dict(ROPED, rope_parameters={
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 16}),
    "tiny-rope-yarn-mscale": dict(ROPED, rope_parameters={
        "rope_type": "yarn", "rope_theta": 5000.0, "factor": 4.0, "original_max_position_embeddings": 16, "mscale": 0.7,
        "mscale_all_dim": 1.3, "beta_fast": 8, "beta_slow": 2, "truncate": False}),
    "tiny-rope-yarn-factor": dict(ROPED, rope_parameters={
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0, "original_max_position_embeddings": 16,
        "attention_factor": 0.8}),
    "tiny-rope-longrope": dict(ROPED, rope_parameters={
        "rope_type": "longrope", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 16,
        "short_factor": SHORT_FACTORS, "long_factor": LONG_FACTORS}),
    "tiny-rope-longrope-top": dict(ROPED, original_max_position_embeddings=16, rope_parameters={
        "rope_type": "longrope", "rope_theta": 10000.0, "attention_factor": 1.2, "short_factor": SHORT_FACTORS,
        "long_factor": LONG_FACTORS}),
}
# How config.json spells it where it is not as transformers 5 writes it.
OLD_SPELLING = {"tiny-mistral-dim", "tiny-qwen2-window", "tiny-rope-linear", "tiny-rope-dynamic", "tiny-rope-yarn-mscale",
                "tiny-rope-yarn-factor", "tiny-rope-longrope-top"}
LEGACY_TYPE = {"tiny-rope-linear", "tiny-rope-yarn-factor"}   # "type" for "rope_type"
LENGTHS = (1, 13, 29)


def fill(model, seed):
    """As tiny_models.fill, with biases too: normal around zero."""
    tiny_models.fill(model, seed)
    rng = np.random.default_rng(seed + 1000)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith(".bias"):
                p.copy_(torch.from_numpy((0.3 * rng.standard_normal(tuple(p.shape))).astype(np.float32)))
    return model.to(torch.bfloat16)


def save(folder, name, settings, seed):
    settings = json.loads(json.dumps({"bos_token_id": 1, "eos_token_id": 2, **settings}))
    model = fill(AutoModelForCausalLM.from_config(AutoConfig.for_model(**settings)), seed)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    respell(folder / "config.json", name)


def respell(path, name):
    if name in OLD_SPELLING:
        tiny_models.spell_as_transformers_4(path)
    config = json.loads(path.read_text())
    if config.get("rope_scaling") == {"rope_type": "default"}:
        config["rope_scaling"] = None
    if name in LEGACY_TYPE:
        config["rope_scaling"]["type"] = config["rope_scaling"].pop("rope_type")
    if name == "tiny-qwen2-window":
        del config["layer_types"]
    if name == "tiny-rope-longrope-top":
        del config["rope_scaling"]["original_max_position_embeddings"]
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def logits(folder, ids):
    with torch.no_grad():
        return common.load_model(folder)(input_ids=torch.tensor([ids])).logits[0]


def check_matters(name, config, weights, ids, want):
    """A golden is worth its name if leaving out what it is about changes the logits of its longest document."""
    if name in ROPES:
        plain = dict(config, rope_parameters={"rope_type": "default", "rope_theta": rope_f64.settings(config)["rope_theta"]})
    elif "types" in name or "window" in name or name == "tiny-mistral":
        plain = dict(config, sliding_window=None)
    else:
        return
    other = llama_f64.forward(plain, weights, ids)
    assert float((other - want).norm() / want.norm()) > 1e-2, name


def make(out):
    for seed, (name, settings) in enumerate((FAMILIES | ROPES).items(), start=31):
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        save(folder, name, settings, seed)
        rng, batch, tensors, error = np.random.default_rng(seed + 100), [], {}, 0.0
        config, weights = tiny_models.read_f64(folder)
        for i, length in enumerate(LENGTHS):
            ids = common.random_ids(rng, settings["vocab_size"], length)
            batch.append({"input_ids": ids, "labels": ids})
            tensors[f"logits.{i}"] = logits(folder, ids)
            want = llama_f64.forward(config, weights, ids)
            error = max(error, llama_f64.worst({"z": tensors[f"logits.{i}"]}, {"z": want}))
        check_matters(name, config, weights, batch[-1]["input_ids"], tensors["logits.2"].double())
        common.write_case(folder, {"kind": "logits", "model": name}, batch, {"relative_error_against_f64": error}, tensors)
        print(f"{name}: {sum(w.numel() for w in weights.values())} parameters, logits within {error:.1e} of float64, "
              f"std {tensors['logits.2'].std():.2f}")
