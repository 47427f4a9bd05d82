"""Case D: LoRA gradients under dropout whose masks are llmft's, drawn by its counter-based generator.

  grad-dropout-tiny-gqa   p 0.3, seed 1234, step 3; adapter and batch of grad-lora-tiny-gqa
The generator is restated here from kernels/dropout/dropout.h. One mask serves every linear with the same input:
module = 4·layer + {q,k,v: 0, o: 1, gate,up: 2, down: 3}. The masks take the place of PEFT's lora_dropout modules.
expected.safetensors also holds keep.<module>.<example> (T, columns) u8 for two modules: the bits themselves.
"""
import json

import numpy as np
import torch

import adapters
import common
import gradients
import llama_f64
import tiny_models

CASE = {"dropout": 0.3, "seed": 1234, "step": 3}
NAME = "tiny-gqa"


def philox4x32_10(key, counter):
    """Salmon et al. 2011: ten rounds; key two and counter four uint32 arrays (broadcast together)."""
    c = list(np.broadcast_arrays(*(np.asarray(x, np.uint64) for x in counter)))
    k = [np.uint64(x) for x in key]
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ k[0], p1 & low, (p0 >> np.uint64(32)) ^ c[3] ^ k[1], p0 & low]
        k = [(k[0] + np.uint64(0x9E3779B9)) & low, (k[1] + np.uint64(0xBB67AE85)) & low]
    return [x.astype(np.uint32) for x in c]


def check_known_answers():
    """The three vectors of the Random123 distribution's kat_vectors for philox4x32, 10 rounds."""
    ones, pi = 0xFFFFFFFF, (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0)
    for key, counter, want in (
            ((0, 0), (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
            ((ones, ones), (ones,) * 4, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
            (pi[4:], pi[:4], (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1))):
        got = tuple(int(x) for x in philox4x32_10(key, counter))
        assert got == want, (key, [hex(x) for x in got])


def check_layout():
    """Two elements by hand: columns 12 and 13 are the low and the high half of word 2 of block 1, and differ here."""
    word = int(philox4x32_10((CASE["seed"], 6), (CASE["step"], 1, 5, 1))[2])
    low, high = (word & 0xFFFF) >= 19661, (word >> 16) >= 19661
    assert low != high and (low, high) == tuple(keep(CASE, 6, 1, 9, 48)[5, 12:14])


def keep(case, module, example, rows, columns):
    """(rows, columns) bool of one example: 16 bits per element, the low half of each word first. case: dropout, seed, step."""
    position = np.arange(rows)[:, None]
    words = philox4x32_10((case["seed"], module), (case["step"], example, position, np.arange((columns + 7) // 8)[None, :]))
    halves = np.stack([h for w in words for h in (w & np.uint32(0xFFFF), w >> np.uint32(16))], -1)
    return halves.reshape(rows, -1)[:, :columns] >= round(case["dropout"] * 65536)


class Given(torch.nn.Module):
    """Multiplies by the mask of the current example: state["example"], and state["step"] where the case has none."""

    def __init__(self, module, state, case):
        super().__init__()
        self.module, self.state, self.case = module, state, case

    def forward(self, x):
        mask = keep({**self.state, **self.case}, self.module, self.state["example"], x.shape[1], x.shape[2])
        return x * torch.from_numpy(mask.astype(np.float32)) / (1 - self.case["dropout"])


def replace_dropout(model, state, case):
    for name, layer in model.named_modules():
        if hasattr(layer, "lora_dropout"):
            at = int(name.split(".layers.")[1].split(".")[0])
            layer.lora_dropout["default"] = Given(4 * at + llama_f64.GROUPS[name.rsplit(".", 1)[1]], state, case)


def factors_f64(config, batch, case, step, first=0):
    """The masks of the examples, whose indices start at `first`, divided by 1 - p: one dict by module each."""
    width = {0: config["hidden_size"], 1: llama_f64.head_dim(config) * config["num_attention_heads"],
             2: config["hidden_size"], 3: config["intermediate_size"]}
    case = {**case, "step": step}
    return [{m: torch.from_numpy(keep(case, m, i, len(e["input_ids"]), width[m % 4]).astype(np.float64))
             / (1 - case["dropout"]) for m in range(4 * config["num_hidden_layers"])} for i, e in enumerate(batch, first)]


def make(out):
    check_known_answers()
    check_layout()
    source, folder = out / f"grad-lora-{NAME}" / "adapter", out / f"grad-dropout-{NAME}"
    batch, state = json.loads((source.parent / "batch.json").read_text()), {}
    model = adapters.load(common.load_model(out / NAME), source)
    replace_dropout(model, state, CASE)
    expected = gradients.backward(model, batch, before=lambda i: state.update(example=i))
    tensors = adapters.named(model, lambda p: p.grad)

    config, weights = tiny_models.read_f64(out / NAME)
    lora, scale, masks = adapters.read_f64(source), adapters.scale(source), factors_f64(config, batch, CASE, CASE["step"])
    want = llama_f64.gradients(lora, lambda: llama_f64.loss(config, weights, batch, lora, scale, masks))
    gradients.check(expected, tensors, llama_f64.loss(config, weights, batch, lora, scale, masks), want)
    share = np.mean([(m == 0).double().mean().item() for e in masks for m in e.values()])
    assert abs(share - CASE["dropout"]) < 0.01, share

    for module, example in ((0, 1), (7, 2)):
        tensors[f"keep.{module}.{example}"] = (masks[example][module] != 0).to(torch.uint8)
    common.write_case(folder, {"kind": "lora_gradient", "model": NAME, "adapter": f"{source.parent.name}/adapter",
                               **CASE}, batch, expected, tensors)
    print(f"grad-dropout-{NAME}: {share:.4f} dropped, gradients within {expected['relative_error_against_f64']:.1e} "
          "of float64")
