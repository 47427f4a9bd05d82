#!/usr/bin/env python3
"""Writes tests/golden/order.jsonl: what torch.randperm makes of (n, seed) on a CPU, and that accelerate's sampler seeds it with
seed + epoch (checked here where accelerate is installed).

    tests/oracle/order_golden.py tests/golden/order.jsonl
"""
import json
import sys

import torch


def order(n, seed):
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist()


def check_sampler():
    try:
        from accelerate.data_loader import SeedableRandomSampler
    except ImportError:
        return print("accelerate is not installed: its sampler is not checked")
    sampler = SeedableRandomSampler(range(1000), data_seed=42)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        assert list(sampler) == order(1000, 42 + epoch), epoch
    print("accelerate's sampler: seed + epoch")


def main():
    with open(sys.argv[1], "w") as out:
        for n, seed in [(1, 42), (2, 0), (2, 1), (3, 42), (10, 42), (10, 43), (97, 7), (1000, 42), (1000, 2**32 + 42), (1000, 2**31 + 5)]:
            out.write(json.dumps({"n": n, "seed": seed, "order": order(n, seed)}) + "\n")
        big = order(200_000, 42)
        out.write(json.dumps({"n": 200_000, "seed": 42, "first": big[:50], "last": big[-50:]}) + "\n")
    check_sampler()


main()
