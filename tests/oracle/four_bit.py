"""Case G: bitsandbytes' 4-bit storage, and models in it.

  four-bit      random matrices quantised by bitsandbytes' CPU backend: cases.json lists them, expected.safetensors holds
                <matrix>.source and, for each quant type q, <matrix>.<q>.packed, .absmax, .decoded; with double
                quantisation .absmax8, .nested_absmax, .decoded8 and the bytes of .state8 (.state without); the code tables
                map.nf4, map.fp4, map.dynamic
  tiny-wide     the bf16 model that was quantised
  tiny-nf4      tiny-wide as transformers saves it after load_in_4bit: nf4, double quantisation
  tiny-fp4      the same with fp4 and plain absmax
  four-bit/shards.json   the index of tiny-nf4 where it is saved in shards of at most 6 kB
Logits of tiny-nf4 and tiny-fp4 come from their decoded weights in f32 products: bitsandbytes' own CPU products may run in
bf16. Decoding is bitsandbytes' generic kernel: its AVX-512 one takes the wrong scale where a row is a multiple of 16 but
not of 64. Codes, absmax, offset and decoded values are restated below in numpy and compared bit for bit.
"""
import json

import common

import bitsandbytes.functional as bnb
import numpy as np
import torch
from bitsandbytes.backends.default.ops import _dequantize_4bit_compute
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

import families
import llama_f64
import tiny_models

BLOCK, NESTED_BLOCK = 64, 256
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
# name: (dtype, out, in). Rows that are no multiple of the block, short and odd last blocks, more than 256 blocks.
MATRICES = {"plain": ("f32", 6, 64), "odd": ("f32", 5, 7), "crossing": ("bf16", 9, 48), "short": ("f16", 7, 129),
            "ties": ("f32", 3, 64), "zeros": ("bf16", 4, 80), "scales": ("f32", 5, 100), "nested": ("bf16", 130, 128)}
WIDE = dict(model_type="llama", vocab_size=31, hidden_size=40, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, intermediate_size=64, max_position_embeddings=64, tie_word_embeddings=False,
            rms_norm_eps=1e-5)
MODELS = {"tiny-nf4": ("nf4", True), "tiny-fp4": ("fp4", False)}


def matrix(name, rng):
    dtype, rows, columns = MATRICES[name]
    x = rng.standard_normal((rows, columns)).astype(np.float32)
    if name == "ties":   # thresholds themselves, and their neighbours, under absmax 1
        bounds = np.concatenate([midpoints(table(q)) for q in ("nf4", "fp4")])
        near = np.concatenate([bounds, np.nextafter(bounds, np.float32(2)), np.nextafter(bounds, np.float32(-2))])
        x.reshape(-1)[:] = np.resize(near, x.size)
        x[:, 0] = 1
    if name == "zeros":   # blocks 0 and 2 and the last, short: zero
        flat = x.reshape(-1)
        flat[:64], flat[128:192], flat[256:] = 0, 0, 0
    if name == "scales":
        x *= np.float32(10) ** np.linspace(-30, 30, x.size, dtype=np.float32).reshape(x.shape)
    if name == "nested":
        x *= (0.1 + rng.random((rows, 1))).astype(np.float32)
    return torch.from_numpy(x).to(DTYPES[dtype])


# ---- the formulas -------------------------------------------------------------------------------------------------------

def table(quant_type):
    return bnb.get_4bit_type(quant_type, device="cpu").numpy()


def midpoints(codes):
    values = np.sort(codes, kind="stable")
    return (values[:-1] + values[1:]) / np.float32(2)


def quantise(x, quant_type):
    """Codes and absmax of a flat f32 array: full blocks times the reciprocal, a short last one by division."""
    one, floor = np.float32(1), np.float32(1e-38)
    order = np.array([11, 10, 13, 12, 15, 14, 9, 0, 8, 1, 6, 7, 4, 5, 2, 3] if quant_type == "fp4" else range(16))
    codes, absmax = [], []
    for at in range(0, len(x), BLOCK):
        block = x[at:at + BLOCK]
        largest = np.abs(block).max()
        whole = len(block) == BLOCK
        scaled = block * (one / max(largest, floor)) if whole else block / max(largest, floor)
        codes.append(order[np.searchsorted(midpoints(table(quant_type)), np.clip(scaled, -one, one), side="left")])
        absmax.append(largest if whole else max(largest, floor))
    return np.concatenate(codes), np.array(absmax, np.float32)


def pack(codes, quant_type):
    pad = [7 if quant_type == "nf4" else 0] * (len(codes) % 2)
    codes = np.concatenate([codes, pad]).astype(np.uint8)
    return codes[::2] << 4 | codes[1::2]


def cascade(rows):
    """Sum over the first axis as torch's cascade_sum adds: four levels, sixteen rows or more a level."""
    count = len(rows)
    power = max(4, int(np.ceil(np.log2(count))) // 4 if count > 1 else 0)
    level, i = [np.zeros(rows.shape[1:], np.float32) for _ in range(4)], 0
    while i + (1 << power) <= count:
        for i in range(i, i + (1 << power)):
            level[0] = level[0] + rows[i]
        i += 1
        for j in range(1, 4):
            level[j], level[j - 1] = level[j] + level[j - 1], np.zeros_like(level[0])
            if i & (((1 << power) - 1) << (j * power)):
                break
    for row in rows[i:]:
        level[0] = level[0] + row
    return level[0] + level[1] + level[2] + level[3]


def interleaved(rows):
    """Four cascades side by side, then what is left over into the first, then the four together."""
    whole = len(rows) // 4 * 4
    part = cascade(rows[:whole].reshape(whole // 4, 4, *rows.shape[1:])).copy()
    for row in rows[whole:]:
        part[0] = part[0] + row
    return part[0] + part[1] + part[2] + part[3]


def torch_sum(x):
    """torch.sum of a flat f32 array on one thread: eight lanes, then the tail, then the lanes in order."""
    lanes = len(x) // 8 * 8
    if lanes == 0:
        return interleaved(x)
    total = np.float32(0)
    for value in (*x[lanes:], *interleaved(x[:lanes].reshape(-1, 8))):
        total = total + value
    return total


def quantise_absmax(absmax):
    """Offset, 8-bit codes and nested absmax. The codes come from a table of 65536 bins, not from an exact search."""
    f = np.float32
    dynamic = bnb.create_dynamic_map().numpy()
    middle = f(0.5) * (dynamic[:-1] + dynamic[1:])
    bins = f(-1) + f(2) * np.arange(65536, dtype=f) / f(65535)
    nearest = np.searchsorted(middle, bins, side="left").astype(np.uint8)
    offset = torch_sum(absmax) / f(len(absmax))
    codes, nested = [], []
    for at in range(0, len(absmax), NESTED_BLOCK):
        a = absmax[at:at + NESTED_BLOCK] - offset
        largest = np.abs(a).max()
        nested.append(largest)
        if largest == 0:
            codes.append(np.zeros(len(a), np.uint8))
            continue
        scaled = np.clip(a * (f(1) / largest), f(-1), f(1))
        codes.append(nearest[((scaled + f(1)) * f(0.5) * f(65535) + f(0.5)).astype(np.uint16)])
    return offset, np.concatenate(codes), np.array(nested, f)


def absmax_of(state):
    """f32 absmax of a bitsandbytes state, whether doubly quantised or not, in numpy."""
    if not state.nested:
        return state.absmax.numpy()
    scale = np.repeat(state.state2.absmax.numpy(), NESTED_BLOCK)[:len(state.absmax)]
    return state.state2.code.numpy()[state.absmax.numpy()] * scale + state.offset.numpy()


def decode(packed, state):
    """bitsandbytes' generic decode, compared with table[code]·absmax rounded once to the dtype."""
    absmax = absmax_of(state)
    got = _dequantize_4bit_compute(packed.reshape(-1), torch.from_numpy(absmax), state.code, BLOCK, state.shape, state.dtype)
    flat = packed.reshape(-1).numpy()
    codes = np.stack([flat >> 4, flat & 15], -1).reshape(-1)[:got.numel()]
    want = table(state.quant_type)[codes] * np.repeat(absmax, BLOCK)[:got.numel()]
    assert torch.equal(got, torch.from_numpy(want).view(got.shape).to(state.dtype))
    if state.shape[-1] % BLOCK == 0:   # elsewhere the CPU kernel takes the scale of another block
        assert torch.equal(got, bnb.dequantize_4bit(packed, state))
    return got


# ---- the cases ----------------------------------------------------------------------------------------------------------

def check(source, quant_type, packed, state, double):
    flat = source.float().numpy().reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        codes, absmax = quantise(flat, quant_type)
        offset, codes8, nested = quantise_absmax(absmax)
    assert np.array_equal(pack(codes, quant_type), packed.numpy().reshape(-1))
    if double:
        assert np.array_equal(codes8, state.absmax.numpy()) and np.array_equal(nested, state.state2.absmax.numpy())
        assert offset == state.offset.item(), (offset, state.offset.item())
    else:
        assert np.array_equal(absmax, state.absmax.numpy())


def make_matrices(out):
    rng, cases, tensors = np.random.default_rng(41), [], {}
    for name, (dtype, rows, columns) in MATRICES.items():
        source = tensors[f"{name}.source"] = matrix(name, rng)
        for quant_type in ("nf4", "fp4"):
            stem, offset = f"{name}.{quant_type}", None
            for double in (False, True):
                packed, state = bnb.quantize_4bit(source, blocksize=BLOCK, quant_type=quant_type, compress_statistics=double)
                check(source, quant_type, packed, state, double)
                end = "8" if double else ""
                tensors |= {f"{stem}.packed": packed, f"{stem}.absmax{end}": state.absmax}
                packed_state = state.as_dict(packed=True)
                tensors[f"{stem}.state{end}"] = packed_state[f"quant_state.bitsandbytes__{quant_type}"]
                if double:
                    tensors[f"{stem}.nested_absmax"], offset = state.state2.absmax, state.offset.item()
                if name != "nested":   # absmax says as much there, and is smaller
                    tensors[f"{stem}.decoded{end}"] = decode(packed, state)
            cases.append({"matrix": name, "dtype": dtype, "shape": [rows, columns], "quant_type": quant_type, "offset": offset})
    for quant_type in ("nf4", "fp4"):
        tensors[f"map.{quant_type}"] = torch.from_numpy(table(quant_type))
    tensors["map.dynamic"] = bnb.create_dynamic_map()
    folder = out / "four-bit"
    folder.mkdir(parents=True, exist_ok=True)
    common.write_json(folder / "cases.json", cases)
    common.write_tensors(folder / "expected.safetensors", tensors)
    print(f"four-bit: {len(cases)} quantised matrices, equal to the formulas bit for bit")


def decoded(folder):
    """(config, state dict) of a 4-bit folder: its weights decoded to their dtype, the rest as it is."""
    file = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    del config["quantization_config"]
    weights = {}
    for key in file:
        stem, _, end = key.rpartition(".")
        if end in ("weight", "bias"):
            parts = {k.removeprefix(key + "."): v for k, v in file.items() if k.startswith(key + ".")}
            weights[key] = decode(file[key], bnb.QuantState.from_dict(parts, torch.device("cpu"))) if parts else file[key]
    return config, weights


def save_decoded(folder, to):
    """The decoded weights as a model folder that common.load_model reads."""
    config, weights = decoded(folder)
    to.mkdir(parents=True, exist_ok=True)
    (to / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    common.write_tensors(to / "model.safetensors", weights)
    return to


def quantised(source, quant_type, double):
    """The model as transformers keeps it after load_in_4bit."""
    settings = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type=quant_type, bnb_4bit_use_double_quant=double,
                                  bnb_4bit_compute_dtype=torch.float32)
    return AutoModelForCausalLM.from_pretrained(source, dtype=torch.bfloat16, quantization_config=settings,
                                                device_map="cpu", attn_implementation="eager")


def make_shards(out, scratch):
    quantised(out / "tiny-wide", *MODELS["tiny-nf4"]).save_pretrained(scratch / "shards", max_shard_size="6KB")
    index = (scratch / "shards" / "model.safetensors.index.json").read_text()
    (out / "four-bit" / "shards.json").write_text(index)


def make_models(out, scratch):
    source = out / "tiny-wide"
    source.mkdir(parents=True, exist_ok=True)
    families.save(source, "tiny-wide", WIDE, seed=61)
    rng = np.random.default_rng(161)
    batch = [{"input_ids": ids, "labels": ids} for ids in (common.random_ids(rng, 31, n) for n in families.LENGTHS)]
    for name, folder in {"tiny-wide": source, **{name: out / name for name in MODELS}}.items():
        plain = folder
        if name in MODELS:
            folder.mkdir(exist_ok=True)
            quantised(source, *MODELS[name]).save_pretrained(folder)
            (folder / "generation_config.json").unlink()
            plain = save_decoded(folder, scratch / name)
        config, weights = tiny_models.read_f64(plain)
        tensors = {f"logits.{i}": families.logits(plain, e["input_ids"]) for i, e in enumerate(batch)}
        error = llama_f64.worst(tensors, {f"logits.{i}": llama_f64.forward(config, weights, e["input_ids"])
                                          for i, e in enumerate(batch)})
        common.write_case(folder, {"kind": "logits", "model": name}, batch, {"relative_error_against_f64": error}, tensors)
        print(f"{name}: logits within {error:.1e} of float64, std {tensors['logits.2'].std():.2f}")


def make(out, scratch):
    make_matrices(out)
    make_models(out, scratch)
    make_shards(out, scratch)
