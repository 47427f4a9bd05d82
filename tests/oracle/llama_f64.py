"""Llama, its relatives and their LoRA written once more, from the formulas alone, in float64: the goldens are checked against it.

It shares no code with transformers or PEFT, and torch's autograd differentiates it, so a golden that agrees is right
about both the forward and the gradient. Its own gradient is checked by central differences (finite_difference).
"""
import math

import torch
import torch.nn.functional as F

import rope_f64

GROUPS = {"q_proj": 0, "k_proj": 0, "v_proj": 0, "o_proj": 1, "gate_proj": 2, "up_proj": 2, "down_proj": 3}


def rotate(x, angle, scaling):
    a, b = x.chunk(2, -1)
    cos, sin = angle.cos() * scaling, angle.sin() * scaling
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def window(config, layer):
    """How many keys a query sees, itself among them; 0: all before it."""
    kinds, width = config.get("layer_types"), config.get("sliding_window") or 0
    if kinds:
        return width if kinds[layer] == "sliding_attention" else 0
    if config["model_type"] in ("qwen2", "qwen3"):
        return width if config["use_sliding_window"] and layer >= config["max_window_layers"] else 0
    return width if config["model_type"] == "mistral" else 0


def head_dim(config):
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def forward(config, weights, ids, lora=None, scale=None, masks=None):
    """Logits (T, V). weights and lora: float64 by their file names; scale(module path): alpha/r; masks: dropout factors
    by module index. A tensor of lora that bears a weight's name takes its place: trained biases, modules_to_save."""
    heads, kv = config["num_attention_heads"], config["num_key_value_heads"]
    dim, count = head_dim(config), len(ids)
    turns, scaling = rope_f64.frequencies(config, dim, count)
    angle = torch.arange(count, dtype=torch.float64)[:, None] * turns
    lora = lora or {}

    def weight(name):
        module, _, leaf = name.rpartition(".")
        below = lora.get(f"base_model.model.{module}.base_layer.{leaf}", weights.get(name))
        return lora.get("base_model.model." + name, below)

    def adapter(module, part):
        return lora.get(f"base_model.model.{module}.{part}")

    def rms(x, name):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + config["rms_norm_eps"]) * weight(name + ".weight")

    def product(x, module, w, mask=None):
        y, bias = x @ w.T, weight(module + ".bias")
        y = y if bias is None else y + bias
        if adapter(module, "lora_A.weight") is not None:
            low = (x if mask is None else x * mask) @ adapter(module, "lora_A.weight").T
            y = y + scale(module) * (low @ adapter(module, "lora_B.weight").T)
            if adapter(module, "lora_B.bias") is not None:
                y = y + scale(module) * adapter(module, "lora_B.bias")
        return y

    def linear(x, layer, block, name):
        module = f"model.layers.{layer}.{block}.{name}"
        return product(x, module, weight(module + ".weight"), masks and masks[4 * layer + GROUPS[name]])

    def split(x, layer, name):
        """(heads, T, dim) of a projection, normalised per head where the model has such norms."""
        x = linear(x, layer, "self_attn", name + "_proj").view(count, -1, dim).transpose(0, 1)
        norm = f"model.layers.{layer}.self_attn.{name}_norm"
        return rms(x, norm) if norm + ".weight" in weights else x

    def embed():
        at, module = torch.tensor(ids), "model.embed_tokens"
        x = weight(module + ".weight")[at]
        if adapter(module, "lora_embedding_A") is not None:
            low = adapter(module, "lora_embedding_A")[:, at].T
            x = x + scale(module) * (low @ adapter(module, "lora_embedding_B").T)
        return x

    x = embed()
    causal = torch.full((count, count), -math.inf, dtype=torch.float64).triu(1)
    for layer in range(config["num_hidden_layers"]):
        n = rms(x, f"model.layers.{layer}.input_layernorm")
        q, k, v = (split(n, layer, p) for p in "qkv")
        k, v = (t.repeat_interleave(heads // kv, 0) for t in (rotate(k, angle, scaling), v))
        seen = causal
        if window(config, layer):
            seen = causal + torch.full_like(causal, -math.inf).tril(-window(config, layer))
        p = (rotate(q, angle, scaling) @ k.transpose(1, 2) / math.sqrt(dim) + seen).softmax(-1)
        x = x + linear((p @ v).transpose(0, 1).reshape(count, -1), layer, "self_attn", "o_proj")
        n = rms(x, f"model.layers.{layer}.post_attention_layernorm")
        x = x + linear(F.silu(linear(n, layer, "mlp", "gate_proj")) * linear(n, layer, "mlp", "up_proj"),
                       layer, "mlp", "down_proj")
    head = weight("lm_head.weight")
    return product(rms(x, "model.norm"), "lm_head", weights["model.embed_tokens.weight"] if head is None else head)


def loss(config, weights, batch, lora=None, scale=None, masks=None):
    """Sum over the batch of -log p(next token) where the unshifted label is not -100. masks: one dict per example."""
    total = torch.zeros((), dtype=torch.float64)
    for i, example in enumerate(batch):
        z = forward(config, weights, example["input_ids"], lora, scale, masks and masks[i]).log_softmax(-1)
        for t, y in enumerate(example["labels"][1:]):
            if y != -100:
                total = total - z[t, y]
    return total


def gradients(tensors, evaluate):
    """Gradient of evaluate() with respect to every tensor, checked by central differences at one element of each."""
    for t in tensors.values():
        t.requires_grad_(True)
    evaluate().backward()
    out = {k: t.grad.clone() for k, t in tensors.items()}
    with torch.no_grad():
        for k, t in tensors.items():
            flat, at = t.data.view(-1), int(out[k].abs().argmax())
            value, step = flat[at].item(), 1e-5
            sums = []
            for x in (value + step, value - step):
                flat[at] = x
                sums.append(float(evaluate()))
            flat[at] = value
            got, want = out[k].view(-1)[at].item(), (sums[0] - sums[1]) / (2 * step)
            # Truncation is O(step²), rounding 1e-16·loss/step: 1e-9 absolute against gradients of order one.
            assert abs(got - want) <= 1e-6 * max(1.0, abs(want)), (k, got, want)
    return out


def worst(got, want):
    """Largest ‖got − want‖/‖want‖ over the tensors: the f32 rounding a golden carries."""
    assert got.keys() == want.keys(), got.keys() ^ want.keys()
    out = 0.0
    for k, w in want.items():
        error = float((got[k].double() - w).norm() / w.norm())
        assert error <= 1e-4, (k, error)
        out = max(out, error)
    return out
