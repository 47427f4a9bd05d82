"""Case J: GGUF files made with the Python package gguf 0.19 (its writer, and its numbers for each tensor type).

  gguf-types   types.gguf: a tensor of two rows for each type that llmft reads, of random blocks; expected.safetensors: the
               same tensors as gguf.dequantize gives them, f32
  gguf-mixed   model.gguf: a Llama whose tensors have ten types, with the vocabulary of stories260K; expected.safetensors:
               logits.<i> (T, V), transformers on the decoded weights; query and key rows put back by this file
  gguf-llama3  model.gguf: tiny-llama3 as llama.cpp's converter writes it, the scaling of its frequencies as a tensor
Conventions of the converter: llama.cpp, conversion/llama.py (order of rows, rope_freqs) and conversion/base.py.
"""
import json

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

import common

# f16 fields of a block: d, and m or dmin. The rest are codes and scales, any byte.
HALVES = {Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0], Type.Q2_K: [80, 82],
          Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208]}
PLAIN = {Type.F32: np.float32, Type.F16: np.float16, Type.BF16: np.uint16}
PARTS = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
         "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}

MIXED = dict(vocab_size=512, hidden_size=256, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             head_dim=16, intermediate_size=64, max_position_embeddings=128, tie_word_embeddings=True, rms_norm_eps=1e-5)
# Rows of 256 for the K-quants; o_proj and down_proj have rows of 64.
MIXED_TYPES = [{"attn_q": Type.Q4_K, "attn_k": Type.Q5_K, "attn_v": Type.Q3_K, "ffn_gate": Type.Q2_K, "ffn_up": Type.Q6_K,
                "attn_output": Type.Q4_1, "ffn_down": Type.Q5_0},
               {"attn_q": Type.Q8_0, "attn_k": Type.Q4_0, "attn_v": Type.Q5_1, "ffn_gate": Type.BF16, "ffn_up": Type.F16,
                "attn_output": Type.Q8_0, "ffn_down": Type.F32}]


def random_rows(rng, kind, rows, cols, scale):
    """Bytes (rows, row bytes) of a type, whose numbers are about `scale`; both signs of every f16, and some are 0."""
    if kind in PLAIN:
        x = (rng.standard_normal((rows, cols)) * scale).astype(np.float32)
        return gguf.quantize(x, kind).reshape(rows, -1).view(np.uint8)
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (rows * cols // elements, size), dtype=np.uint8)
    for at in HALVES[kind]:
        d = rng.standard_normal((len(blocks), 1)) * scale
        blocks[:, at:at + 2] = d.astype(np.float16).view(np.uint8)
    return blocks.reshape(rows, -1)


def decoded(data, kind):
    return np.ascontiguousarray(gguf.dequantize(data, kind).astype(np.float32))


def make_types(out):
    rng = np.random.default_rng(71)
    out.mkdir(parents=True, exist_ok=True)
    writer, expected = gguf.GGUFWriter(out / "types.gguf", "none"), {}
    for kind in [*PLAIN, *HALVES]:
        data = random_rows(rng, kind, 2, 512, 0.1)
        if kind in HALVES:   # a zero, a subnormal and the largest scale, of codes of every kind
            size = gguf.GGML_QUANT_SIZES[kind][1]
            blocks = data.reshape(-1, size)
            for row, bits in enumerate([0x8000, 0x0001, 0x7BFF]):
                for at in HALVES[kind]:
                    blocks[row, at:at + 2] = np.frombuffer(np.uint16(bits).tobytes(), np.uint8)
        writer.add_tensor(kind.name, data, raw_dtype=kind)
        expected[kind.name] = torch.from_numpy(decoded(data, kind))
    finish(writer)
    save_file(expected, out / "expected.safetensors", metadata={"format": "pt"})


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def permuted(w, heads):
    """Halves of a head → pairs: a converter's order of query and key rows."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def restored(w, heads):
    return w.reshape(heads, w.shape[0] // heads // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def add_shape(writer, config):
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config.get("rope_theta", 10000.0))
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_vocab_size(config["vocab_size"])


def add_stories_vocabulary(writer):
    lines = (common.data_folder() / "weights/stories260K/tok512.vocab").read_text(encoding="utf-8").splitlines()
    pieces = [line.rsplit("\t", 1) for line in lines]
    types = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL] + [gguf.TokenType.BYTE] * 256
    types += [gguf.TokenType.NORMAL] * (len(pieces) - len(types))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([piece for piece, _ in pieces])
    writer.add_token_scores([float(score) for _, score in pieces])
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template("{% for message in messages %}{{ message['content'] }}{% endfor %}")


def make_mixed(out):
    rng = np.random.default_rng(72)
    out.mkdir(parents=True, exist_ok=True)
    writer, weights = gguf.GGUFWriter(out / "model.gguf", "llama"), {}
    writer.add_name("mixed")
    add_shape(writer, MIXED)
    add_stories_vocabulary(writer)
    width, q, kv = MIXED["hidden_size"], 4 * 16, 2 * 16
    shapes = {"attn_q": (q, width), "attn_k": (kv, width), "attn_v": (kv, width), "attn_output": (width, q),
              "ffn_gate": (64, width), "ffn_up": (64, width), "ffn_down": (width, 64)}
    names = {gguf_name: name for name, gguf_name in PARTS.items()}

    def add(name, hf_name, kind, rows, cols, scale, heads=0):
        data = random_rows(rng, kind, rows, cols, scale)
        writer.add_tensor(name, data, raw_dtype=kind)
        w = decoded(data, kind)
        weights[hf_name] = torch.from_numpy(np.ascontiguousarray(restored(w, heads) if heads else w))

    add("token_embd.weight", "model.embed_tokens.weight", Type.Q6_K, 512, width, 2e-4)
    for layer, types in enumerate(MIXED_TYPES):
        for part in ("attn_norm", "ffn_norm"):
            x = (1 + 0.2 * rng.standard_normal(width)).astype(np.float32)
            writer.add_tensor(f"blk.{layer}.{part}.weight", x)
            weights[f"model.layers.{layer}.{names[part]}.weight"] = torch.from_numpy(x)
        for part, kind in types.items():
            rows, cols = shapes[part]
            # Codes reach 8 to 128 and scales of the K-quants 63 more: weights of about 1.3 / sqrt(cols).
            reach = {Type.Q8_0: 64, Type.Q4_K: 240, Type.Q5_K: 480, Type.Q6_K: 1200, Type.Q2_K: 12, Type.Q3_K: 32}
            scale = 1.3 / np.sqrt(cols) / (1 if kind in PLAIN else reach.get(kind, 8))
            heads = {"attn_q": 4, "attn_k": 2}.get(part, 0)
            add(f"blk.{layer}.{part}.weight", f"model.layers.{layer}.{names[part]}.weight", kind, rows, cols, scale, heads)
    x = (1 + 0.2 * rng.standard_normal(width)).astype(np.float32)
    writer.add_tensor("output_norm.weight", x)
    weights["model.norm.weight"] = torch.from_numpy(x)
    finish(writer)

    model = LlamaForCausalLM(LlamaConfig(bos_token_id=1, eos_token_id=2, **MIXED)).eval()
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert missing == ["lm_head.weight"] and not unexpected, (missing, unexpected)
    model.config._attn_implementation = "eager"
    batch, tensors = [], {}
    for i, length in enumerate((1, 17, 40)):
        ids = common.random_ids(rng, 512, length)
        batch.append({"input_ids": ids, "labels": ids})
        with torch.no_grad():
            tensors[f"logits.{i}"] = model(input_ids=torch.tensor([ids])).logits[0]
    common.write_case(out, {"kind": "gguf", "model": "gguf-mixed/model.gguf"}, batch, {}, tensors)


def llama3_divisors(config):
    """What a frequency is divided by, in torch's f32, as the converter computes it."""
    rope, dim = config["rope_scaling"], config["head_dim"]
    original, factor = rope["original_max_position_embeddings"], rope["factor"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    divisors = []
    for frequency in 1.0 / (config["rope_theta"] ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim)):
        wavelength = 2 * np.pi / frequency
        smooth = (original / wavelength - low) / (high - low)
        divisors.append(1 if wavelength < original / high else factor if wavelength > original / low
                        else 1 / ((1 - smooth) / factor + smooth))
    return torch.tensor(divisors, dtype=torch.float32).numpy()


def make_llama3(out, golden):
    config = json.loads((golden / "tiny-llama3" / "config.json").read_text())
    out.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(out / "model.gguf", "llama")
    add_shape(writer, config)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    tops = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
            "lm_head.weight": "output.weight"}
    for name, tensor in sorted(load_file(golden / "tiny-llama3" / "model.safetensors").items()):
        w = tensor.numpy()
        if name in tops:
            writer.add_tensor(tops[name], w)
            continue
        _, _, layer, part = name.removesuffix(".weight").split(".", 3)
        heads = {"self_attn.q_proj": "num_attention_heads", "self_attn.k_proj": "num_key_value_heads"}.get(part)
        w = np.ascontiguousarray(permuted(w, config[heads])) if heads else w
        writer.add_tensor(f"blk.{layer}.{PARTS[part]}.weight", w)
    writer.add_tensor("rope_freqs.weight", llama3_divisors(config))
    finish(writer)


def make(out):
    make_types(out / "gguf-types")
    if common.data_folder():
        make_mixed(out / "gguf-mixed")
    make_llama3(out / "gguf-llama3", out if (out / "tiny-llama3").is_dir() else common.GOLDEN)
