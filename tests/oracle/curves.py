"""Case C: ten optimizer steps, LoRA and full, of tiny-gqa and of story-llama-0.6M, the way Hugging Face trains.

  curve-lora-<model>  from adapter/ (PEFT's start: B zero)      curve-full-<model>  every parameter
  curve-lora-<option> one of OPTIONS                            curve-qlora-<name>  over a base in four bits
  curve-lora-dropout  masks of dropout.py, by step and example
Step k takes window k mod 5, that is examples 4(k mod 5) and the three after it: two epochs of 20 examples in order.
The loss is their sum of cross-entropies over the number N of predicted tokens of the whole window; gradients add up
over the examples; torch's clip_grad_norm_; torch's AdamW with the decay groups of transformers' Trainer; transformers'
linear schedule with warm-up (the first step has lr 0).
expected.json: loss, grad_norm (before clipping), lr and predicted of every step, and norms: of each final trained tensor.
expected.safetensors: the final trained tensors, except those of a full story-llama. The same ten steps are taken once
more in float64 from the formulas (curve_f64.py); the distance is noted as the scale of a fair tolerance.
"""
import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import Trainer, get_scheduler

import adapters
import common
import curve_f64
import dropout
import four_bit
import llama_f64
import tiny_models

STEPS, WINDOW, WINDOWS = 10, 4, 5
SETTINGS = {"steps": STEPS, "window": WINDOW, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1,
            "max_grad_norm": 1.0, "schedule": "linear", "warmup_steps": 2}
STORY = "weights/story-llama-0.6M"


def random_batch(vocab):
    """Documents with a rule to learn (each token the last one plus a stride); every third keeps its completion alone."""
    rng, batch = np.random.default_rng(21), []
    for i in range(WINDOWS * WINDOW):
        start, stride, length = (int(x) for x in rng.integers((0, 1, 6), (vocab, 4, 40)))
        ids = [3 + (start + stride * t) % (vocab - 3) for t in range(length)]
        hidden = length // 3 if i % 3 == 2 else 0
        batch.append({"input_ids": ids, "labels": [common.NO_LOSS] * hidden + ids[hidden:]})
    return batch


def story_batch(data):
    """Speeches of tinyshakespeare by the model's own tokenizer.json; every third keeps its completion alone."""
    tokenizer = Tokenizer.from_file(str(data / STORY / "tokenizer.json"))
    speeches = (data / "datasets/tinyshakespeare/input.txt").read_text().split("\n\n")
    encoded = (tokenizer.encode(s).ids for s in speeches)
    pieces = [ids for ids in encoded if 20 <= len(ids) < 96][:WINDOWS * WINDOW]
    batch = []
    for i, ids in enumerate(pieces):
        hidden = 8 if i % 3 == 2 else 0
        batch.append({"input_ids": ids, "labels": [common.NO_LOSS] * hidden + ids[hidden:]})
    return batch


def optimizer_of(model, lr):
    """AdamW with the Trainer's groups; returns it and the names that are not decayed."""
    decayed = set(Trainer.get_decay_parameter_names(None, model))
    trained = [(k, p) for k, p in model.named_parameters() if p.requires_grad]
    groups = [{"params": [p for k, p in trained if k in decayed], "weight_decay": SETTINGS["weight_decay"]},
              {"params": [p for k, p in trained if k not in decayed], "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr, betas=(SETTINGS["beta1"], SETTINGS["beta2"]), eps=SETTINGS["eps"],
                             foreach=False), sorted(k for k, _ in trained if k not in decayed)


def window_of(batch, step):
    first = step % WINDOWS * WINDOW
    return batch[first:first + WINDOW]


def train(model, batch, lr, state=None):
    """state: told the step and the example (its index in batch) before each forward, for masks that depend on them."""
    optimizer, undecayed = optimizer_of(model, lr)
    scheduler = get_scheduler(SETTINGS["schedule"], optimizer, SETTINGS["warmup_steps"], STEPS)
    trained = [p for p in model.parameters() if p.requires_grad]
    out = {"loss": [], "grad_norm": [], "lr": [], "predicted": []}
    for step in range(STEPS):
        window = window_of(batch, step)
        count, total = sum(common.predicted(e["labels"]) for e in window), 0.0
        for i, example in enumerate(window):
            if state is not None:
                state.update(step=step, example=step % WINDOWS * WINDOW + i)
            loss = common.example_loss(model, example, divisor=count)
            loss.backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(trained, SETTINGS["max_grad_norm"], foreach=False)
        for key, value in (("loss", total), ("grad_norm", norm.item()), ("lr", scheduler.get_last_lr()[0]),
                           ("predicted", count)):
            out[key].append(value)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad(set_to_none=True)
    out["norms"] = adapters.named(model, common.norm)
    out["undecayed"] = undecayed
    return out


def write(folder, path, case, model, batch, keep, state=None):
    """path: the model's folder. Trains, compares with float64, writes the case."""
    expected = train(model, batch, case["lr"], state)
    tensors = adapters.named(model, lambda p: p.detach())
    config, weights = tiny_models.read_f64(path)
    lora = adapters.read_f64(folder / "adapter") if "adapter" in case else None
    scale = adapters.scale(folder / "adapter") if lora else None
    for frozen in set(lora or ()) - tensors.keys():   # the base embedding that PEFT saves beside its LoRA
        del lora[frozen]
    steps = [window_of(batch, k) for k in range(STEPS)]
    masks = [dropout.factors_f64(config, steps[k], case, k, k % WINDOWS * WINDOW) for k in range(STEPS)] if state else None
    losses, norms = curve_f64.train(config, weights, steps, case, lora, scale, masks)
    for got, want in ((expected["loss"], losses), (expected["grad_norm"], norms)):
        assert all(abs(g - w) <= 1e-4 * w for g, w in zip(got, want)), (got, want)
    expected["loss_error_against_f64"] = max(abs(g - w) / w for g, w in zip(expected["loss"], losses))
    expected["final_error_against_f64"] = llama_f64.worst(tensors, lora or weights)
    common.write_case(folder, case, batch, expected, tensors if keep else None)
    clipped = sum(x > SETTINGS["max_grad_norm"] for x in expected["grad_norm"])
    print(f"{folder.name}: loss {expected['loss'][0]:.4f} … {expected['loss'][-1]:.4f}, {clipped} of {STEPS} steps "
          f"clipped; float64: loss within {expected['loss_error_against_f64']:.1e}, "
          f"final tensors within {expected['final_error_against_f64']:.1e}")


def start(model_name, path, folder, rank, alpha, **options):
    """PEFT's own start (B zero) of the options, saved in the case's folder and loaded again."""
    model = adapters.attach(common.load_model(path), model_name, seed=9, rank=rank, alpha=alpha, **options)
    adapters.save(model, folder / "adapter")
    return adapters.load(common.load_model(path), folder / "adapter")


def lora_case(folder, model_name, lr=2e-2, **more):
    return {"kind": "lora_curve", "model": model_name, "adapter": f"{folder.name}/adapter", "lr": lr, **SETTINGS, **more}


def make_pair(out, name, path, model_name, batch, rank, full_lr):
    """The two curves of one model: path is its folder, model_name what case.json calls it."""
    folder = out / f"curve-lora-{name}"
    model = start(model_name, path, folder, rank, 2 * rank, target_modules="all-linear")
    write(folder, path, lora_case(folder, model_name, lr=1e-3), model, batch, keep=True)
    case = {"kind": "full_curve", "model": model_name, "lr": full_lr, **SETTINGS}
    write(out / f"curve-full-{name}", path, case, common.load_model(path), batch, keep=name.startswith("tiny"))


# curve-lora-<name>: (model, options besides r 3 and alpha 5)
OPTIONS = {
    "patterns": ("tiny-llama-bias", dict(target_modules="all-linear", rank_pattern={
        r"layers\.1\.self_attn\..*": 4, "q_proj": 1}, alpha_pattern={"down_proj": 1, "v_proj": 0.5})),
    "rslora": ("tiny-qwen2", dict(target_modules=["q_proj", "o_proj", "up_proj"], use_rslora=True)),
    "bias-all": ("tiny-llama-bias", dict(target_modules=["q_proj", "down_proj"], bias="all")),
    "lora-bias": ("tiny-qwen3", dict(target_modules=["v_proj", "gate_proj"], lora_bias=True)),
    "save": ("tiny-llama-bias", dict(target_modules=["v_proj"], modules_to_save=[
        "embed_tokens", "input_layernorm", "lm_head"])),
    "embed": ("tiny-mistral", dict(target_modules=["embed_tokens", "lm_head", "k_proj"])),
}
# curve-qlora-<name>: (model, how llmft quantises it, or what it already is)
QUANTISED = {"nf4": ("tiny-nf4", None), "fp4": ("tiny-fp4", None), "nf4-plain": ("tiny-wide", ("nf4", False))}
DROPOUT = {"dropout": 0.25, "seed": 99}


def make_options(out):
    for name, (model_name, options) in OPTIONS.items():
        folder, path = out / f"curve-lora-{name}", out / model_name
        model = start(model_name, path, folder, 3, 5, **options)
        write(folder, path, lora_case(folder, model_name), model, random_batch(31), keep=True)


def make_quantised(out, scratch):
    """The base is the decoded weights, in f32 products: what bitsandbytes computes, but for its bf16 on some processors."""
    for name, (model_name, how) in QUANTISED.items():
        folder, path = out / f"curve-qlora-{name}", scratch / name
        more = {} if how is None else {"quantization": how[0], "double_quant": how[1]}
        source = out / model_name
        if how is not None:
            four_bit.quantised(source, *how).save_pretrained(scratch / f"{name}-4bit")
            source = scratch / f"{name}-4bit"
        four_bit.save_decoded(source, path)
        model = start(model_name, path, folder, 3, 6, target_modules=["q_proj", "v_proj", "down_proj"])
        write(folder, path, lora_case(folder, model_name, **more), model, random_batch(31), keep=True)


def make_dropout(out):
    folder, path, state = out / "curve-lora-dropout", out / "tiny-qwen2", {}
    model = start("tiny-qwen2", path, folder, 3, 6, target_modules=["k_proj", "o_proj", "up_proj", "down_proj"])
    dropout.replace_dropout(model, state, DROPOUT)
    write(folder, path, lora_case(folder, "tiny-qwen2", **DROPOUT), model, random_batch(31), keep=True, state=state)


def make(out, data, scratch):
    vocab = common.load_model(out / "tiny-gqa").config.vocab_size
    make_pair(out, "tiny-gqa", out / "tiny-gqa", "tiny-gqa", random_batch(vocab), rank=4, full_lr=1e-3)
    make_options(out)
    make_quantised(out, scratch)
    make_dropout(out)
    if data is None:
        print("curve-*-story-llama: skipped, no data folder")
        return
    make_pair(out, "story-llama", data / STORY, "data/" + STORY, story_batch(data), rank=4, full_lr=2e-4)
