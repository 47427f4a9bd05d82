"""Learning rates of transformers.get_scheduler, step by step: schedule.json.

Each case: name, peak, warmup, total, the keyword arguments, and `lr`: the rate of steps 0, 1, … as a trainer would use them.
"""
import json
import warnings

import torch
from transformers import get_scheduler

CASES = [
    ("linear", 2e-4, 3, 12, {}),
    ("linear", 1e-3, 0, 5, {}),
    ("linear", 1e-3, 7, 5, {}),
    ("cosine", 2e-4, 3, 12, {}),
    ("cosine", 2e-4, 0, 9, {"num_cycles": 1.25}),
    ("cosine_with_restarts", 3e-4, 2, 13, {}),
    ("cosine_with_restarts", 3e-4, 2, 13, {"num_cycles": 3}),
    ("polynomial", 1e-4, 3, 11, {}),
    ("polynomial", 1e-4, 0, 11, {"lr_end": 1e-5, "power": 2.5}),
    ("constant", 5e-5, 4, 6, {}),
    ("constant_with_warmup", 5e-5, 4, 8, {}),
    ("inverse_sqrt", 1e-3, 4, 12, {}),
    ("inverse_sqrt", 1e-3, 0, 6, {}),
    ("inverse_sqrt", 1e-3, 2, 8, {"timescale": 5}),
    ("cosine_with_min_lr", 2e-4, 3, 12, {"min_lr": 2e-5}),
    ("cosine_with_min_lr", 2e-4, 0, 10, {"min_lr_rate": 0.25, "num_cycles": 0.75}),
    ("cosine_warmup_with_min_lr", 2e-4, 4, 12, {"min_lr_rate": 0.1}),
    ("cosine_warmup_with_min_lr", 2e-4, 4, 12, {"min_lr": 1e-5, "warmup_lr_rate": 0.2}),
    ("cosine_warmup_with_min_lr", 2e-4, 1, 7, {"min_lr": 1e-5, "warmup_lr_rate": 0.2}),
    ("warmup_stable_decay", 1e-4, 3, 15, {"num_decay_steps": 6}),
    ("warmup_stable_decay", 1e-4, 3, 15, {"num_decay_steps": 5, "num_stable_steps": 4, "min_lr_ratio": 0.1}),
    ("warmup_stable_decay", 1e-4, 5, 15, {"num_decay_steps": 5, "warmup_type": "cosine", "decay_type": "linear"}),
    ("warmup_stable_decay", 1e-4, 5, 15, {"num_decay_steps": 5, "warmup_type": "1-sqrt", "decay_type": "1-sqrt",
                                          "min_lr_ratio": 0.2}),
    ("warmup_stable_decay", 1e-4, 2, 14, {"num_decay_steps": 8, "num_cycles": 1.5}),
]


def rates(name, peak, warmup, total, kwargs):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
    scheduler = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=total,
                              scheduler_specific_kwargs=dict(kwargs))
    out = []
    for _ in range(total + 3):
        out.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return out


def make(out):
    lines = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, peak, warmup, total, kwargs in CASES:
            lines.append(json.dumps({"name": name, "peak": peak, "warmup": warmup, "total": total, "kwargs": kwargs,
                                     "lr": rates(name, peak, warmup, total, kwargs)}))
    (out / "schedule.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
