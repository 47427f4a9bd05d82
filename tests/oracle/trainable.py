"""Case F, continued: the `trainable params` lines of PEFT at real sizes, on the meta device: trainable.json.

Each case: `config`, a config.json; `options` of LoraConfig; `line`, what print_trainable_parameters prints.
The configurations are written from public facts (Llama-2-7B, Llama-3.1-8B, SmolLM2-135M, Qwen2.5-0.5B).
"""
import contextlib
import io
import json

import common
import peft
import torch
from transformers import AutoConfig, AutoModelForCausalLM

CONFIGS = {
    "SmolLM2-135M": dict(
        architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=49152, hidden_size=576, intermediate_size=1536,
        num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192, rms_norm_eps=1e-5,
        rope_theta=100000, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, hidden_act="silu"),
    "Llama-2-7B": dict(
        architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=32000, hidden_size=4096, intermediate_size=11008,
        num_hidden_layers=32, num_attention_heads=32, max_position_embeddings=4096, rms_norm_eps=1e-5,
        tie_word_embeddings=False, bos_token_id=1, eos_token_id=2, hidden_act="silu"),
    "Llama-3.1-8B": dict(
        architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=128256, hidden_size=4096, intermediate_size=14336,
        num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8, max_position_embeddings=131072,
        rms_norm_eps=1e-5, rope_theta=500000.0, tie_word_embeddings=False, bos_token_id=128000,
        eos_token_id=[128001, 128008, 128009], hidden_act="silu", rope_scaling={
            "factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
            "rope_type": "llama3"}),
    "Qwen2.5-0.5B": dict(
        architectures=["Qwen2ForCausalLM"], model_type="qwen2", vocab_size=151936, hidden_size=896, intermediate_size=4864,
        num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2, max_position_embeddings=32768,
        rms_norm_eps=1e-6, rope_theta=1000000.0, tie_word_embeddings=True, bos_token_id=151643, eos_token_id=151645,
        hidden_act="silu", use_sliding_window=False, sliding_window=32768, max_window_layers=21),
}
OPTIONS = [
    dict(r=16, target_modules="all-linear"),
    dict(r=8, target_modules=["q_proj", "v_proj"]),
    dict(r=16, target_modules="all-linear", modules_to_save=["lm_head"]),
    dict(r=16, target_modules="all-linear", modules_to_save=["embed_tokens", "lm_head"]),
    dict(r=4, target_modules=["q_proj", "k_proj"], rank_pattern={"k_proj": 32}, layers_to_transform=[0, 3]),
    dict(r=8, target_modules=["embed_tokens", "down_proj"]),
    dict(r=8, target_modules="all-linear", exclude_modules=["o_proj"], modules_to_save=["input_layernorm", "norm"]),
    dict(r=8, target_modules=["q_proj", "o_proj"], bias="all"),
    dict(r=8, target_modules=["q_proj", "o_proj"], bias="lora_only", lora_bias=True),
]


def line(config, options):
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**json.loads(json.dumps(config))))
        model = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **options))
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        model.print_trainable_parameters()
    return text.getvalue().strip()


def make(out):
    cases = [{"model": name, "options": options, "line": line(config, options)}
             for name, config in CONFIGS.items() for options in OPTIONS]
    common.write_json(out / "trainable.json", {"configs": CONFIGS, "cases": cases})
    for case in cases:
        print(f"{case['model']}: {case['line']}")
