"""Case B: gradients of the *sum* of token cross-entropies over four documents with completion masks.

  grad-full-<model>       every parameter; also of the models of families.py
  grad-lora-<model>       lora_A and lora_B of all linears, r 5, alpha 7, B random
  grad-lora-some-<model>  the same with q_proj, v_proj and down_proj alone
expected.json: sum_loss and, per example, losses, predicted (tokens that carry loss) and correct (argmax hits);
expected.safetensors: the gradients by parameter name. Each golden is compared with llama_f64 before it is written.
"""
import numpy as np
import torch

import adapters
import common
import families
import llama_f64
import tiny_models

# (length, labels kept): a completion, a whole document (its first label is no target), a completion with a hole, one
# token at the end.
DOCUMENTS = {
    "tiny-gqa": ((9, (range(4, 9),)), (24, (range(0, 24),)), (17, (range(5, 9), range(12, 17))), (33, (range(32, 33),))),
    "tiny-llama3": ((9, (range(4, 9),)), (70, (range(0, 70),)), (17, (range(5, 9), range(12, 17))), (33, (range(32, 33),))),
}
RELATIVES = [*families.FAMILIES, "tiny-rope-yarn", "tiny-rope-longrope-top"]
VARIANTS = {"lora": "all-linear", "lora-some": ["q_proj", "v_proj", "down_proj"]}


def make_batch(model, name):
    """Random ids, every third one the model's own guess, so that some predictions are right."""
    rng = np.random.default_rng(7)
    batch = []
    for length, kept in DOCUMENTS.get(name, DOCUMENTS["tiny-gqa"]):
        ids = common.random_ids(rng, model.config.vocab_size, length)
        with torch.no_grad():
            for t in range(2, length, 3):
                ids[t] = model(input_ids=torch.tensor([ids[:t]])).logits[0, -1].argmax().item()
        on = {t for part in kept for t in part}
        batch.append({"input_ids": ids, "labels": [x if t in on else common.NO_LOSS for t, x in enumerate(ids)]})
    return batch


def backward(model, batch, before=lambda example: None):
    """Adds up the gradients of the batch's sum; before(i) runs ahead of example i. Returns expected.json's entries."""
    losses, correct = [], []
    for i, example in enumerate(batch):
        before(i)
        loss = common.example_loss(model, example)
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            best = model(input_ids=torch.tensor([example["input_ids"]])).logits[0].argmax(-1).tolist()
        correct.append(sum(y == b for y, b in zip(example["labels"][1:], best) if y != common.NO_LOSS))
    return {"sum_loss": sum(losses), "losses": losses, "predicted": [common.predicted(e["labels"]) for e in batch],
            "correct": correct}


def check(expected, tensors, sum_f64, gradients_f64):
    """Notes in expected.json how far from float64 the f32 golden lies: the scale of a fair tolerance."""
    expected["sum_loss_f64"] = sum_f64.item()
    assert abs(expected["sum_loss"] - expected["sum_loss_f64"]) <= 1e-5 * expected["sum_loss_f64"]
    expected["relative_error_against_f64"] = llama_f64.worst(tensors, gradients_f64)


def make_full(out, name):
    folder, model = out / f"grad-full-{name}", common.load_model(out / name)
    batch = make_batch(model, name)
    expected = backward(model, batch)
    tensors = adapters.named(model, lambda p: p.grad)
    config, weights = tiny_models.read_f64(out / name)
    want = llama_f64.gradients(weights, lambda: llama_f64.loss(config, weights, batch))
    check(expected, tensors, llama_f64.loss(config, weights, batch), want)
    common.write_case(folder, {"kind": "full_gradient", "model": name}, batch, expected, tensors)
    return expected


def make_lora(out, name, variant):
    folder, batch = out / f"grad-{variant}-{name}", make_batch(common.load_model(out / name), name)
    start = adapters.attach(common.load_model(out / name), name, seed=5, rank=5, alpha=7, target_modules=VARIANTS[variant],
                            b_std=0.05)
    adapters.save(start, folder / "adapter")
    model = adapters.load(common.load_model(out / name), folder / "adapter")
    expected = backward(model, batch)
    tensors = adapters.named(model, lambda p: p.grad)
    config, weights = tiny_models.read_f64(out / name)
    lora, scale = adapters.read_f64(folder / "adapter"), adapters.scale(folder / "adapter")
    want = llama_f64.gradients(lora, lambda: llama_f64.loss(config, weights, batch, lora, scale))
    check(expected, tensors, llama_f64.loss(config, weights, batch, lora, scale), want)
    common.write_case(folder, {"kind": "lora_gradient", "model": name, "adapter": f"{folder.name}/adapter"}, batch, expected, tensors)
    return expected


def describe(case, e):
    print(f"{case}: loss {e['sum_loss']:.4f} over {sum(e['predicted'])} tokens, "
          f"gradients within {e['relative_error_against_f64']:.1e} of float64")


def make(out):
    for name in DOCUMENTS:
        cases = {"full": make_full(out, name), **{v: make_lora(out, name, v) for v in VARIANTS}}
        for case, e in cases.items():
            describe(f"grad-{case}-{name}", e)
    for name in RELATIVES:
        describe(f"grad-full-{name}", make_full(out, name))
