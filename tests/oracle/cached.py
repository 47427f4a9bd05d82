"""Case A, continued: a document that grows token by token over transformers' cache, cached-<model>.

The first half of the longest document of a tiny model goes in at once, the rest one token at a time; logits.0 (T - half + 1, V)
holds the last row of each forward. Where frequencies follow the length, cached keys stay as they were turned: the logits
differ from those of the whole document, and that is what this case is for.
"""
import json

import torch
from transformers import DynamicCache

import common

MODELS = ("tiny-rope-dynamic", "tiny-rope-longrope")


def make(out):
    for name in MODELS:
        example = json.loads((out / name / "batch.json").read_text())[-1]
        ids, first = example["input_ids"], len(example["input_ids"]) // 2
        model, cache, rows, fed = common.load_model(out / name), DynamicCache(), [], 0
        with torch.no_grad():
            whole = common.load_model(out / name)(input_ids=torch.tensor([ids])).logits[0]
            for end in range(first, len(ids) + 1):
                step = model(input_ids=torch.tensor([ids[fed:end]]), past_key_values=cache, use_cache=True)
                rows.append(step.logits[0, -1])
                fed = end
        assert cache.get_seq_length() == len(ids)
        apart = float((rows[-1] - whole[-1]).norm() / whole[-1].norm())
        assert apart > 1e-2, apart
        common.write_case(out / f"cached-{name}", {"kind": "cached", "model": name, "at_once": first}, [example],
                          {"last_row_against_whole_document": apart}, {"logits.0": torch.stack(rows)})
        print(f"cached-{name}: the last row is {apart:.2f} from that of the whole document")
