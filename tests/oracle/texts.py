"""Case E: negative log-likelihood of every token of three texts, and greedy continuations of three prompts.

  text-story-llama, text-stories260k   weights of the data folder      text-smollm2   the folder given as --smollm2
Ids come from tokenizers reading tokenizer.json (with its post-processor's special tokens).
expected.json: nll[i][t] is that of token t + 1 of text i given the tokens before it, from f32 logits; greedy[i] has the
prompt's ids, the new ids (at most 40, ending with an end-of-text id if one was drawn), their text without special
tokens, and min_gap: the smallest distance of the best logit to the second, so that a near tie can be seen.
"""
import torch
from tokenizers import Tokenizer

import common

NEW_TOKENS = 40
STORIES = {
    "texts": ["Once upon a time, there was a little girl named Lily. She loved to play in the park.",
              "Tom had a big red ball.\nHe said: \"Let's play!\" But the dog ran away with it.",
              "The zyxt café sold 37 naïve robots… 日本"],
    "prompts": ["Once upon a time, there was a", "Lily and Ben went to the park. They saw", "The little dog was sad because"],
}
SMOLLM2 = {
    "texts": ["The capital of France is Paris, and the capital of Japan is Tokyo.",
              "def add(a, b):\n    return a + b\n\n\nprint(add(2, 40))  # 42",
              "<|im_start|>user\nWhat is gravity?<|im_end|>\n<|im_start|>assistant\nGravity pulls objects together."
              "<|im_end|>\n"],
    "prompts": ["The capital of France is", "Once upon a time, in a village by the sea,",
                "<|im_start|>user\nName three colours.<|im_end|>\n<|im_start|>assistant\n"],
}


def token_nll(model, ids):
    with torch.no_grad():
        z = model(input_ids=torch.tensor([ids])).logits[0].float()
    return torch.nn.functional.cross_entropy(z[:-1], torch.tensor(ids[1:]), reduction="none").tolist()


def greedy(model, tokenizer, prompt):
    ids = tokenizer.encode(prompt).ids
    made = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
                          max_new_tokens=NEW_TOKENS, use_cache=True, output_logits=True, return_dict_in_generate=True)
    new = made.sequences[0, len(ids):].tolist()
    best = [step[0].topk(2).values for step in made.logits]
    return {"prompt": prompt, "prompt_ids": ids, "new_ids": new, "text": tokenizer.decode(new, skip_special_tokens=True),
            "whole_text": tokenizer.decode(ids + new, skip_special_tokens=True),
            "min_gap": min((b[0] - b[1]).item() for b in best)}


def make_one(out, name, folder, model_name, words):
    model, tokenizer = common.load_model(folder), Tokenizer.from_file(str(folder / "tokenizer.json"))
    batch, nll = [], []
    for text in words["texts"]:
        ids = tokenizer.encode(text).ids
        batch.append({"input_ids": ids, "labels": ids, "text": text})
        nll.append(token_nll(model, ids))
        with torch.no_grad():
            total = common.example_loss(model, batch[-1]).item()
        assert abs(sum(nll[-1]) - total) <= 1e-5 * total, (sum(nll[-1]), total)
    continuations = [greedy(model, tokenizer, p) for p in words["prompts"]]
    common.write_case(out / f"text-{name}", {"kind": "text", "model": model_name, "new_tokens": NEW_TOKENS}, batch,
                      {"nll": nll, "greedy": continuations})
    print(f"text-{name}: mean nll {[round(sum(x) / len(x), 3) for x in nll]}, smallest gap of a greedy choice "
          f"{min(c['min_gap'] for c in continuations):.4f}")
    for c in continuations:
        print("   ", repr(c["whole_text"][:150]))


def make(out, data, smollm2):
    if data is None:
        print("text-story-llama, text-stories260k: skipped, no data folder")
    else:
        for name, path in (("story-llama", "weights/story-llama-0.6M"), ("stories260k", "weights/stories260K/hf")):
            make_one(out, name, data / path, "data/" + path, STORIES)
    if smollm2 is None:
        print("text-smollm2: skipped, no --smollm2")
    else:
        make_one(out, "smollm2", smollm2, "SmolLM2-135M-Instruct", SMOLLM2)
