"""The training steps of a curve in float64, from the formulas: window loss, clipping, AdamW, linear schedule."""
import torch

import llama_f64


def factor(step, steps, warmup):
    return step / warmup if step < warmup else (steps - step) / (steps - warmup)


def adamw(p, g, m, v, t, lr, decay, case):
    b1, b2 = case["beta1"], case["beta2"]
    p.mul_(1 - lr * decay)
    m.mul_(b1).add_(g, alpha=1 - b1)
    v.mul_(b2).addcmul_(g, g, value=1 - b2)
    p.sub_(lr / (1 - b1 ** t) * m / (v.sqrt() / (1 - b2 ** t) ** 0.5 + case["eps"]))


def train(config, weights, windows, case, lora, scale, masks=None):
    """Trains lora if given, else weights, in place; returns the losses and the gradient norms before clipping."""
    trained = lora or weights
    for p in trained.values():
        p.requires_grad_(True)
    state = {k: (torch.zeros_like(p), torch.zeros_like(p)) for k, p in trained.items()}
    losses, norms = [], []
    for step, window in enumerate(windows):
        count = sum(y != -100 for e in window for y in e["labels"][1:])
        loss = llama_f64.loss(config, weights, window, lora, scale, masks and masks[step]) / count
        grads = torch.autograd.grad(loss, list(trained.values()))
        norm = sum(float((g * g).sum()) for g in grads) ** 0.5
        clip = min(1.0, case["max_grad_norm"] / (norm + 1e-6))
        lr = case["lr"] * factor(step, case["steps"], case["warmup_steps"])
        with torch.no_grad():
            for (name, p), g in zip(trained.items(), grads):
                decay = 0.0 if "norm" in name or "bias" in name else case["weight_decay"]
                adamw(p, g * clip, *state[name], step + 1, lr, decay, case)
        losses.append(loss.item())
        norms.append(norm)
    for p in trained.values():
        p.requires_grad_(False)
    return losses, norms
