"""Case A: three small random Llamas as Hugging Face folders, and the logits of three documents of each.

  tiny-gqa           tied, grouped-query attention, default rotary embedding; config.json as transformers 5 writes it
  tiny-llama3        untied, head_dim != hidden/heads, llama3 rotary scaling (frequencies kept, blended and divided;
                     positions beyond the original length); config.json in the spelling of transformers 4
  tiny-sharded-bf16  bf16 in several shards with an index; computed in f32 after loading
Expected tensors: logits.<i> (T, V), document i alone.
"""
import json

import numpy as np
import torch
from safetensors import safe_open
from transformers import LlamaConfig, LlamaForCausalLM

import common
import llama_f64
import rope_f64

LLAMA3 = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
SHAPES = {
    "tiny-gqa": dict(vocab_size=127, hidden_size=48, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
                     intermediate_size=80, max_position_embeddings=128, tie_word_embeddings=True, rms_norm_eps=1e-5),
    "tiny-llama3": dict(vocab_size=97, hidden_size=42, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=3,
                        head_dim=16, intermediate_size=56, max_position_embeddings=256, tie_word_embeddings=False,
                        rms_norm_eps=1e-6, rope_parameters=LLAMA3),
    "tiny-sharded-bf16": dict(vocab_size=67, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                              num_key_value_heads=1, intermediate_size=52, max_position_embeddings=64,
                              tie_word_embeddings=False, rms_norm_eps=1e-5,
                              rope_parameters={"rope_type": "default", "rope_theta": 500000.0}),
}
LENGTHS = {"tiny-gqa": (1, 19, 41), "tiny-llama3": (1, 33, 75), "tiny-sharded-bf16": (1, 13, 30)}


def fill(model, seed):
    """Weights large enough that attention is far from uniform, norm weights away from one."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            x = rng.standard_normal(tuple(p.shape))
            if p.ndim == 1:
                x = 1 + 0.2 * x
            elif "embed" in name:
                x = 0.3 * x
            else:
                x = x * 1.3 / np.sqrt(p.shape[1])
            p.copy_(torch.from_numpy(x.astype(np.float32)))
    return model


def spell_as_transformers_4(path):
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = rope
    config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def save(folder, name, seed):
    model = fill(LlamaForCausalLM(LlamaConfig(bos_token_id=1, eos_token_id=2, **SHAPES[name])), seed)
    if name == "tiny-sharded-bf16":
        model.to(torch.bfloat16).save_pretrained(folder, max_shard_size="12KB")
        assert len(list(folder.glob("model-*-of-*.safetensors"))) > 2
    else:
        model.save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    if name == "tiny-llama3":
        spell_as_transformers_4(folder / "config.json")


def read_f64(folder):
    """A model folder for llama_f64: its configuration and its weights."""
    weights = {}
    for file in sorted(folder.glob("*.safetensors")):
        if file.name != "expected.safetensors":
            with safe_open(file, "pt") as f:
                weights.update({k: f.get_tensor(k).double() for k in f.keys()})
    config = json.loads((folder / "config.json").read_text())
    if config["tie_word_embeddings"] and "lm_head.weight" in weights:
        weights["model.embed_tokens.weight"] = weights.pop("lm_head.weight")
    return config, weights


def check_llama3_regimes(config):
    plain = 10000.0 ** (-np.arange(0, 16, 2) / 16)
    ratio = rope_f64.frequencies(config, 16, 75)[0].numpy() / plain
    kept, divided = np.isclose(ratio, 1).sum(), np.isclose(ratio, 0.25).sum()
    assert kept and divided and kept + divided < len(ratio), ratio


def make(out):
    for seed, name in enumerate(SHAPES, start=11):
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        save(folder, name, seed)
        model = common.load_model(folder)
        rng = np.random.default_rng(seed + 100)
        batch, tensors, error = [], {}, 0.0
        config, weights = read_f64(folder)
        for i, length in enumerate(LENGTHS[name]):
            ids = common.random_ids(rng, SHAPES[name]["vocab_size"], length)
            batch.append({"input_ids": ids, "labels": ids})
            with torch.no_grad():
                tensors[f"logits.{i}"] = model(input_ids=torch.tensor([ids])).logits[0]
            error = max(error, llama_f64.worst({"z": tensors[f"logits.{i}"]},
                                               {"z": llama_f64.forward(config, weights, ids)}))
        if name == "tiny-llama3":
            check_llama3_regimes(config)
        common.write_case(folder, {"kind": "logits", "model": name}, batch,
                          {"relative_error_against_f64": error}, tensors)
        print(f"{name}: {model.num_parameters()} parameters, logits within {error:.1e} of float64, "
              f"std {tensors['logits.2'].std():.2f}")
