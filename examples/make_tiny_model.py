#!/usr/bin/env python3
"""Writes a tiny Llama with random weights as a Hugging Face folder: something to train where there is no model at hand.

    python3 examples/make_tiny_model.py FOLDER

320,352 parameters in f32 (1.3 MB): 3 layers, hidden size 96, 6 heads that share 2 pairs of keys and values, head tied to
the embedding. A token is a byte; <|begin|> and <|end|> come after the 256 of them. The same bytes every time. Needs
nothing beyond Python's standard library.
"""
import argparse
import json
import math
import pathlib
import random
import struct

SEED = 7
VOCAB = 258
BEGIN, END = 256, 257
HIDDEN, MLP, LAYERS, HEADS, KEY_VALUE_HEADS = 96, 256, 3, 6, 2
POSITIONS = 2048

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": VOCAB,
    "hidden_size": HIDDEN,
    "intermediate_size": MLP,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KEY_VALUE_HEADS,
    "hidden_act": "silu",
    "max_position_embeddings": POSITIONS,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "attention_bias": False,
    "mlp_bias": False,
    "bos_token_id": BEGIN,
    "eos_token_id": END,
    "torch_dtype": "float32",
}


def byte_characters():
    """The character that byte-level tokenizers write for each byte: itself if it shows, else one from U+0100 on."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {**{byte: chr(byte) for byte in shown}, **{byte: chr(0x100 + i) for i, byte in enumerate(hidden)}}


def tokenizer():
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    special = [{"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for id, content in ((BEGIN, "<|begin|>"), (END, "<|end|>"))]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                  "vocab": {character: byte for byte, character in sorted(byte_characters().items())}, "merges": []},
    }


def shapes():
    """Name and shape of every weight; a matrix is (out, in)."""
    narrow = HIDDEN // HEADS * KEY_VALUE_HEADS
    yield "model.embed_tokens.weight", (VOCAB, HIDDEN)
    for layer in range(LAYERS):
        block = f"model.layers.{layer}."
        yield block + "input_layernorm.weight", (HIDDEN,)
        for name, rows in (("q", HIDDEN), ("k", narrow), ("v", narrow), ("o", HIDDEN)):
            yield f"{block}self_attn.{name}_proj.weight", (rows, HIDDEN)
        yield block + "post_attention_layernorm.weight", (HIDDEN,)
        for name, shape in (("gate", (MLP, HIDDEN)), ("up", (MLP, HIDDEN)), ("down", (HIDDEN, MLP))):
            yield f"{block}mlp.{name}_proj.weight", shape
    yield "model.norm.weight", (HIDDEN,)


def values(shape, source):
    """Norms begin at 1. Matrices are normal with the deviation that keeps the size of what passes through them."""
    count = math.prod(shape)
    if len(shape) == 1:
        return [1.0] * count
    deviation = 0.02 if shape[0] == VOCAB else shape[1] ** -0.5
    return [source.gauss(0, deviation) for _ in range(count)]


def write_safetensors(path):
    """The length of the header, the header as JSON, then the tensors one behind the other."""
    source = random.Random(SEED)
    header, data = {"__metadata__": {"format": "pt"}}, bytearray()
    for name, shape in shapes():
        begin = len(data)
        data += struct.pack(f"<{math.prod(shape)}f", *values(shape, source))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return len(data) // 4


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=pathlib.Path)
    folder = arguments.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    parameters = write_safetensors(folder / "model.safetensors")
    for name, content in (
            ("config.json", CONFIG),
            ("generation_config.json", {"bos_token_id": BEGIN, "eos_token_id": END}),
            ("tokenizer.json", tokenizer()),
            ("tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin|>",
                                       "eos_token": "<|end|>", "model_max_length": POSITIONS})):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"{folder}: {parameters} parameters")


if __name__ == "__main__":
    main()
