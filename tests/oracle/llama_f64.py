"""Llama and its LoRA written once more, from the formulas alone, in float64: the goldens are checked against it.

It shares no code with transformers or PEFT, and torch's autograd differentiates it, so a golden that agrees is right
about both the forward and the gradient. Its own gradient is checked by central differences (finite_difference).
"""
import math

import torch
import torch.nn.functional as F

GROUPS = {"q_proj": 0, "k_proj": 0, "v_proj": 0, "o_proj": 1, "gate_proj": 2, "up_proj": 2, "down_proj": 3}


def inverse_frequencies(config, head_dim):
    rope = config.get("rope_parameters") or {"rope_theta": config["rope_theta"], **(config.get("rope_scaling") or {})}
    out = []
    for i in range(head_dim // 2):
        f = rope["rope_theta"] ** (-2 * i / head_dim)
        if rope.get("rope_type", "default") == "llama3":
            turns = rope["original_max_position_embeddings"] * f / (2 * math.pi)
            low, high = rope["low_freq_factor"], rope["high_freq_factor"]
            s = min(1.0, max(0.0, (turns - low) / (high - low)))
            f = (1 - s) * f / rope["factor"] + s * f
        out.append(f)
    return torch.tensor(out, dtype=torch.float64)


def rotate(x, angle):
    a, b = x.chunk(2, -1)
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)


def forward(config, weights, ids, lora=None, scale=0.0, masks=None):
    """Logits (T, V). weights and lora: float64 by their file names; masks: dropout factors by module index."""
    heads, kv = config["num_attention_heads"], config["num_key_value_heads"]
    dim = config.get("head_dim") or config["hidden_size"] // heads
    count = len(ids)
    angle = torch.arange(count, dtype=torch.float64)[:, None] * inverse_frequencies(config, dim)

    def rms(x, w):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + config["rms_norm_eps"]) * w

    def linear(x, layer, block, name):
        stem = f"model.layers.{layer}.{block}.{name}"
        y = x @ weights[stem + ".weight"].T
        a = (lora or {}).get(f"base_model.model.{stem}.lora_A.weight")
        if a is not None:
            dropped = x if masks is None else x * masks[4 * layer + GROUPS[name]]
            y = y + scale * (dropped @ a.T @ lora[f"base_model.model.{stem}.lora_B.weight"].T)
        return y

    x = weights["model.embed_tokens.weight"][torch.tensor(ids)]
    causal = torch.full((count, count), -math.inf, dtype=torch.float64).triu(1)
    for layer in range(config["num_hidden_layers"]):
        n = rms(x, weights[f"model.layers.{layer}.input_layernorm.weight"])
        q, k, v = (linear(n, layer, "self_attn", p).view(count, -1, dim).transpose(0, 1)
                   for p in ("q_proj", "k_proj", "v_proj"))
        k, v = (t.repeat_interleave(heads // kv, 0) for t in (rotate(k, angle), v))
        p = (rotate(q, angle) @ k.transpose(1, 2) / math.sqrt(dim) + causal).softmax(-1)
        x = x + linear((p @ v).transpose(0, 1).reshape(count, -1), layer, "self_attn", "o_proj")
        n = rms(x, weights[f"model.layers.{layer}.post_attention_layernorm.weight"])
        x = x + linear(F.silu(linear(n, layer, "mlp", "gate_proj")) * linear(n, layer, "mlp", "up_proj"),
                       layer, "mlp", "down_proj")
    x = rms(x, weights["model.norm.weight"])
    return x @ weights.get("lm_head.weight", weights["model.embed_tokens.weight"]).T


def loss(config, weights, batch, lora=None, scale=0.0, masks=None):
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
