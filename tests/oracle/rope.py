"""Inverse frequencies of transformers' LlamaRotaryEmbedding for config.json's spellings: rope_inv_freq.json.

Each case: `config`, the keys of config.json that matter, and `inv_freq`, the f32 values as exact doubles.
"""
import json

from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

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
SHAPE = {"model_type": "llama", "hidden_size": 256, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
         "vocab_size": 10}


def make(out):
    lines = []
    for case in CASES:
        config = LlamaConfig(**{k: v for k, v in json.loads(json.dumps(SHAPE | case)).items() if k != "model_type"})
        lines.append(json.dumps({"config": SHAPE | case, "inv_freq": LlamaRotaryEmbedding(config).inv_freq.tolist()}))
    (out / "rope_inv_freq.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
