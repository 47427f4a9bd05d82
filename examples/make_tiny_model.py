#!/usr/bin/env python3
"""Writes a tiny Llama with random weights as a Hugging Face folder: something to train where there is no model at hand.

    python3 examples/make_tiny_model.py FOLDER

320,352 parameters in f32 (1.3 MB): 3 layers, hidden size 96, 6 heads that share 2 pairs of keys and values, head tied to
the embedding. A token is a byte; <|begin|> and <|end|> come after the 256 of them. The same bytes every time. Needs
nothing beyond Python's standard library.
"""
import argparse
import dataclasses
import json
import math
import pathlib
import random
import struct

SEED = 7
BYTES = 256
SPECIAL = ("<|begin|>", "<|end|>")   # the last two tokens


@dataclasses.dataclass
class Shape:
    vocab: int = BYTES + len(SPECIAL)
    hidden: int = 96
    mlp: int = 256
    layers: int = 3
    heads: int = 6
    key_value_heads: int = 2
    positions: int = 2048


def config(shape):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocab,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.mlp,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_value_heads,
        "hidden_act": "silu",
        "max_position_embeddings": shape.positions,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": shape.vocab - 2,
        "eos_token_id": shape.vocab - 1,
        "torch_dtype": "float32",
    }


def byte_characters():
    """The character that byte-level tokenizers write for each byte: itself if it shows, else one from U+0100 on."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {**{byte: chr(byte) for byte in shown}, **{byte: chr(0x100 + i) for i, byte in enumerate(hidden)}}


def tokenizer(merges):
    """Byte-level BPE: bytes, what each pair of `merges` makes, special tokens."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    vocab = {character: byte for byte, character in sorted(byte_characters().items())}
    for left, right in merges:   # two pairs may make one token
        vocab.setdefault(left + right, len(vocab))
    special = [{"id": len(vocab) + i, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for i, content in enumerate(SPECIAL)]
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None,
        "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                  "vocab": vocab, "merges": [f"{left} {right}" for left, right in merges]},
    }


def weights(shape):
    """Name and shape of every weight; a matrix is (out, in)."""
    hidden, mlp = shape.hidden, shape.mlp
    narrow = hidden // shape.heads * shape.key_value_heads
    yield "model.embed_tokens.weight", (shape.vocab, hidden)
    for layer in range(shape.layers):
        block = f"model.layers.{layer}."
        yield block + "input_layernorm.weight", (hidden,)
        for name, rows in (("q", hidden), ("k", narrow), ("v", narrow), ("o", hidden)):
            yield f"{block}self_attn.{name}_proj.weight", (rows, hidden)
        yield block + "post_attention_layernorm.weight", (hidden,)
        for name, size in (("gate", (mlp, hidden)), ("up", (mlp, hidden)), ("down", (hidden, mlp))):
            yield f"{block}mlp.{name}_proj.weight", size
    yield "model.norm.weight", (hidden,)


def values(name, size, source):
    """Norms begin at 1. Matrices are normal with the deviation that keeps the size of what passes through them."""
    count = math.prod(size)
    if len(size) == 1:
        return [1.0] * count
    deviation = 0.02 if "embed_tokens" in name else size[1] ** -0.5
    return [source.gauss(0, deviation) for _ in range(count)]


def write_safetensors(path, shape):
    """The length of the header, the header as JSON, then the tensors one behind the other."""
    source = random.Random(SEED)
    header, data = {"__metadata__": {"format": "pt"}}, bytearray()
    for name, size in weights(shape):
        begin = len(data)
        data += struct.pack(f"<{math.prod(size)}f", *values(name, size, source))
        header[name] = {"dtype": "F32", "shape": size, "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return len(data) // 4


def write_model(folder, shape, merges):
    """The whole folder; says how many parameters the model has."""
    folder.mkdir(parents=True, exist_ok=True)
    parameters = write_safetensors(folder / "model.safetensors", shape)
    begin, end = SPECIAL
    for name, content in (
            ("config.json", config(shape)),
            ("generation_config.json", {"bos_token_id": shape.vocab - 2, "eos_token_id": shape.vocab - 1}),
            ("tokenizer.json", tokenizer(merges)),
            ("tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": begin,
                                       "eos_token": end, "model_max_length": shape.positions})):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return parameters


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=pathlib.Path)
    folder = arguments.parse_args().folder
    print(f"{folder}: {write_model(folder, Shape(), [])} parameters")


if __name__ == "__main__":
    main()
