"""The rotary embeddings of config.json in float64, from their formulas: frequencies and the factor on cos and sin.

Sources: linear, Chen et al. 2023; dynamic, the NTK-aware base of bloc97 as transformers grows it; YaRN, Peng et al. 2023;
LongRoPE, Ding et al. 2024; llama3, Meta's scaling. Spellings: rope_parameters, or rope_theta and rope_scaling {rope_type|type}.
"""
import math

import torch


def settings(config):
    """One dict with rope_type, rope_theta and the lengths, whichever spelling the file has."""
    rope = dict(config.get("rope_parameters") or {"rope_theta": config["rope_theta"], **(config.get("rope_scaling") or {})})
    rope["rope_type"] = rope.get("rope_type", rope.get("type", "default"))
    rope["longest"] = config["max_position_embeddings"]
    rope["original"] = (config.get("original_max_position_embeddings") or rope.get("original_max_position_embeddings")
                        or rope["longest"])
    return rope


def default(rope, dim):
    return [rope["rope_theta"] ** (-2 * i / dim) for i in range(dim // 2)]


def llama3(rope, dim):
    out = []
    for f in default(rope, dim):
        turns = rope["original"] * f / (2 * math.pi)
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        s = min(1.0, max(0.0, (turns - low) / (high - low)))
        out.append((1 - s) * f / rope["factor"] + s * f)
    return out


def dynamic(rope, dim, count):
    """A base that grows with the document, once it is longer than the model was trained for."""
    stretch = rope["factor"] * max(count, rope["longest"]) / rope["longest"] - (rope["factor"] - 1)
    return default({"rope_theta": rope["rope_theta"] * stretch ** (dim / (dim - 2))}, dim)


def yarn(rope, dim):
    factor = rope.get("factor") or rope["longest"] / rope["original"]

    def magnitude(m):
        return 0.1 * m * math.log(factor) + 1 if factor > 1 else 1.0

    scaling = rope.get("attention_factor")
    if scaling is None:
        both = rope.get("mscale") and rope.get("mscale_all_dim")
        scaling = magnitude(rope["mscale"]) / magnitude(rope["mscale_all_dim"]) if both else magnitude(1)

    def dimension(turns):
        """The index whose frequency makes so many turns within the original length."""
        return dim * math.log(rope["original"] / (turns * 2 * math.pi)) / (2 * math.log(rope["rope_theta"]))

    low, high = dimension(rope.get("beta_fast") or 32), dimension(rope.get("beta_slow") or 1)
    if rope.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dim - 1)
    high += 0.001 if low == high else 0
    out = []
    for i, f in enumerate(default(rope, dim)):
        ramp = min(1.0, max(0.0, (i - low) / (high - low)))
        out.append(f / factor * ramp + f * (1 - ramp))
    return out, scaling


def longrope(rope, dim, count):
    factor = rope["longest"] / rope["original"] if rope.get("factor") is None else rope["factor"]
    scaling = rope.get("attention_factor")
    if scaling is None:
        scaling = math.sqrt(1 + math.log(factor) / math.log(rope["original"])) if factor > 1 else 1.0
    stretch = rope["long_factor" if count > rope["original"] else "short_factor"]
    return [f / s for f, s in zip(default(rope, dim), stretch, strict=True)], scaling


def frequencies(config, dim, count):
    """(dim/2 radians per position, factor on cos and sin) for a document of `count` tokens."""
    rope, scaling = settings(config), 1.0
    kind = rope["rope_type"]
    if kind == "default":
        out = default(rope, dim)
    elif kind == "linear":
        out = [f / rope["factor"] for f in default(rope, dim)]
    elif kind == "llama3":
        out = llama3(rope, dim)
    elif kind == "dynamic":
        out = dynamic(rope, dim, count)
    elif kind == "yarn":
        out, scaling = yarn(rope, dim)
    elif kind == "longrope":
        out, scaling = longrope(rope, dim, count)
    else:
        raise ValueError(kind)
    return torch.tensor(out, dtype=torch.float64), scaling
