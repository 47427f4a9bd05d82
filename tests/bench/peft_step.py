#!/usr/bin/env python3
"""The training step of transformers and PEFT on the CPU, timed: what `llmft bench` is compared with.

    peft_step.py --model FOLDER --method lora|full --dtype f32|bf16 --rows 8 --length 256 --steps 5 [--compile]

FOLDER needs config.json alone; weights and tokens are random. As PEFT's documentation trains: rank 16 on all linears,
alpha 32, AdamW, gradients clipped at 1; bf16 is a base in bf16 with adapters in f32 under autocast, and in full training
autocast over f32 weights. Prints one JSON line: the median seconds of a step, and MiB that the steps added to what the
process held before them.
"""
import argparse
import json
import resource
import statistics
import time

import peft
import torch
import transformers

WARMUP = 2


def resident_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make_model(arguments):
    config = transformers.AutoConfig.from_pretrained(arguments.model, use_cache=False)
    model = transformers.LlamaForCausalLM(config)
    if arguments.method == "full":
        return model
    if arguments.dtype == "bf16":
        model = model.to(torch.bfloat16)
    model = peft.get_peft_model(model, peft.LoraConfig(r=16, lora_alpha=32, target_modules="all-linear",
                                                       lora_dropout=arguments.dropout, task_type="CAUSAL_LM"))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return model


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--method", choices=("lora", "full"), default="lora")
    parser.add_argument("--dtype", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--dropout", type=float, default=0)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    model = make_model(arguments)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, weight_decay=0)
    ids = torch.randint(0, model.config.vocab_size, (arguments.rows, arguments.length))
    step_model = torch.compile(model) if arguments.compile else model
    model.train()
    before, seconds = resident_mib(), []
    for _ in range(WARMUP + arguments.steps):
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=arguments.dtype == "bf16"):
            loss = step_model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__,
                      "median_step_seconds": statistics.median(seconds[WARMUP:]), "loss": loss.item(),
                      "step_mib": resident_mib() - before}))


if __name__ == "__main__":
    main()
