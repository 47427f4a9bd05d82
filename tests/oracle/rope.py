"""Inverse frequencies of transformers' LlamaRotaryEmbedding for config.json's spellings.

rope_inv_freq.json   default and llama3: `config`, the keys of config.json that matter, and `inv_freq`, the f32 values as
                     exact doubles
rope_scaled.json     linear, dynamic, yarn, longrope: besides, `length` of the document and `attention_scaling`, the factor
                     on cos and sin; each frequency within 1e-6 of rope_f64.py
"""
import json

import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

import rope_f64

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192}
ODD = {"factor": 5.3, "low_freq_factor": 1.5, "high_freq_factor": 3.7, "original_max_position_embeddings": 77}

CASES = [
    {"head_dim": 64},
    {"head_dim": 128, "rope_theta": 500000.0},
    {"head_dim": 80, "rope_theta": 5000000, "rope_scaling": None},
    {"head_dim": 8, "rope_parameters": {"rope_type": "default", "rope_theta": 130000.0}},
    {"head_dim": 128, "rope_theta": 500000.0, "rope_scaling": LLAMA3, "max_position_embeddings": 131072},
    {"head_dim": 64, "rope_theta": 500000.0, "rope_scaling": dict(LLAMA3, factor=32.0), "max_position_embeddings": 131072},
    {"head_dim": 96, "rope_theta": 100000.0, "rope_scaling": dict(ODD, type="llama3")},
    {"head_dim": 32, "rope_parameters": dict(ODD, rope_type="llama3", rope_theta=20000.0)},
    {"head_dim": 32, "rope_theta": 7.0, "rope_parameters": dict(ODD, rope_type="llama3", rope_theta=20000.0),
     "rope_scaling": dict(LLAMA3, rope_theta=30000.0)},
    {"head_dim": 32, "max_position_embeddings": 300, "rope_scaling":
        {"rope_type": "llama3", "factor": 2.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}},
    {"head_dim": 32, "original_max_position_embeddings": 50, "rope_scaling": dict(LLAMA3)},
]
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
SHORT, LONG = [1 + 0.03 * i for i in range(48)], [1 + 1.3 * i for i in range(48)]
PHI = {"head_dim": 96, "max_position_embeddings": 131072, "original_max_position_embeddings": 4096}
LONGROPE = {"short_factor": SHORT, "long_factor": LONG}
# (keys of config.json, lengths of documents)
SCALED = [
    ({"head_dim": 128, "rope_theta": 1e6, "rope_scaling": {"type": "linear", "factor": 4.0}}, (10,)),
    ({"head_dim": 64, "max_position_embeddings": 2048, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}},
     (1, 2048, 2049, 5000)),
    ({"head_dim": 80, "max_position_embeddings": 100, "rope_parameters":
        {"rope_type": "dynamic", "rope_theta": 500000.0, "factor": 1.5}}, (101, 7777)),
    ({"head_dim": 128, "rope_theta": 1e6, "max_position_embeddings": 131072, "rope_scaling": YARN}, (10,)),
    ({"head_dim": 128, "rope_theta": 1e6, "max_position_embeddings": 32768, "rope_scaling": YARN}, (10,)),
    ({"head_dim": 64, "max_position_embeddings": 4096, "rope_scaling": {"type": "yarn", "factor": 40, "mscale": 0.707,
        "mscale_all_dim": 1.0, "beta_fast": 24, "beta_slow": 3, "original_max_position_embeddings": 4096}}, (10,)),
    ({"head_dim": 64, "rope_parameters": dict(YARN, rope_theta=150000.0, truncate=False, attention_factor=1.1)}, (10,)),
    ({"head_dim": 32, "rope_theta": 1e4, "rope_scaling": dict(YARN, factor=0.5)}, (10,)),
    (dict(PHI, rope_scaling=dict(LONGROPE, type="longrope")), (4096, 4097)),
    (dict(PHI, rope_scaling=dict(LONGROPE, rope_type="longrope", attention_factor=1.05)), (1, 9000)),
    ({"head_dim": 96, "max_position_embeddings": 2048, "rope_parameters": dict(LONGROPE, rope_type="longrope", factor=32.0,
        rope_theta=20000.0, original_max_position_embeddings=1024)}, (1024, 1025)),
]
SHAPE = {"model_type": "llama", "hidden_size": 256, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
         "vocab_size": 10}


def config_of(case):
    return LlamaConfig(**{k: v for k, v in json.loads(json.dumps(SHAPE | case)).items() if k != "model_type"})


def scaled(case, length):
    rope = LlamaRotaryEmbedding(config_of(case))
    rope(torch.zeros(1), torch.arange(length)[None])   # as a forward of such a document leaves it
    want, scaling = rope_f64.frequencies({"rope_theta": 10000.0, "max_position_embeddings": 2048, **SHAPE, **case}, case["head_dim"], length)
    assert float(((rope.inv_freq.double() - want) / want).abs().max()) <= 1e-6, case
    assert abs(rope.attention_scaling - scaling) <= 1e-12, case
    return {"config": SHAPE | case, "length": length, "attention_scaling": rope.attention_scaling,
            "inv_freq": rope.inv_freq.tolist()}


def write_lines(path, cases):
    path.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n", encoding="utf-8")


def make(out):
    write_lines(out / "rope_inv_freq.json",
                [{"config": SHAPE | c, "inv_freq": LlamaRotaryEmbedding(config_of(c)).inv_freq.tolist()} for c in CASES])
    write_lines(out / "rope_scaled.json", [scaled(case, n) for case, lengths in SCALED for n in lengths])
