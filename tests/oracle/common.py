"""What every golden maker shares: one thread, deterministic f32 with eager attention, and the files of a case.

A case is a folder tests/golden/<case>/ holding
  case.json             what was done: model, adapter (paths in tests/golden; data/... in the data folder) and settings
  batch.json            list of examples {"input_ids": [...], "labels": [...]}; labels unshifted, -100 = no loss
  adapter/              a PEFT folder, where the case makes one
  expected.json         scalars and lists
  expected.safetensors  tensors, named as in model.safetensors or adapter_model.safetensors
Example i always runs alone, without padding; losses are sums of token cross-entropies in nats.
"""
import json
import os
import pathlib
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TORCHDYNAMO_DISABLE"] = "1"   # bitsandbytes would compile its decode anew for each shape

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()
warnings.simplefilter("ignore")  # deprecations inside the pinned libraries
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests" / "golden"
NO_LOSS = -100


def data_folder():
    """The folder with real weights and texts, or None: cases that need it are skipped."""
    path = pathlib.Path(os.environ.get("LLMFT_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    return path if path.is_dir() else None


def load_model(folder):
    """A model as every case runs it: f32, eager attention, no dropout (the configurations here have none)."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    model.config.use_cache = False
    return model.eval()


def write_json(path, value):
    """Indented objects, but one line for each list of scalars or of examples: small and readable in a diff."""
    def lines(v, pad):
        inner = pad + "  "
        if isinstance(v, dict) and any(isinstance(x, (dict, list)) for x in v.values()):
            body = ",\n".join(f"{inner}{json.dumps(k)}: {lines(x, inner)}" for k, x in v.items())
            return "{\n" + body + "\n" + pad + "}"
        if isinstance(v, list) and any(isinstance(x, (dict, list)) for x in v):
            return "[\n" + ",\n".join(inner + json.dumps(x, ensure_ascii=False) for x in v) + "\n" + pad + "]"
        return json.dumps(v, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(lines(value, "") + "\n", encoding="utf-8")


def write_tensors(path, tensors):
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, path, metadata={"format": "pt"})


def write_case(folder, case=None, batch=None, expected=None, tensors=None):
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in (("case.json", case), ("batch.json", batch), ("expected.json", expected)):
        if value is not None:
            write_json(folder / name, value)
    if tensors is not None:
        write_tensors(folder / "expected.safetensors", tensors)


def predicted(labels):
    """Positions whose next token is learned: the first label of a document is never a target."""
    return sum(y != NO_LOSS for y in labels[1:])


def example_loss(model, example, divisor=1):
    """Sum of token cross-entropies of one example / divisor, by transformers' own loss (its shift, its f32 logits)."""
    ids = torch.tensor([example["input_ids"]])
    labels = torch.tensor([example["labels"]])
    return model(input_ids=ids, labels=labels, num_items_in_batch=divisor).loss


def random_ids(rng, vocab, length):
    return [int(x) for x in rng.integers(3, vocab, length)]


def norm(tensor):
    return float(np.sqrt((tensor.detach().double().numpy() ** 2).sum()))
