#!/usr/bin/env python3
"""Writes tests/golden/tokenizer_parts.jsonl: small tokenizers with one part each that models use, and what the tokenizers
library (0.23.3) makes of texts with them, for tests/data/tokenizer_parts_test.cpp; and tests/golden/normal_forms.json.

    tests/oracle/tokenizer_parts.py tests/golden
"""
import itertools
import json
import pathlib
import sys

from tokenizers import Tokenizer, normalizers

from tokenizer_golden import decoding, in_bytes

TEXTS = ["", " ", "a", "a b", " a  b ", "ab, it's 12 caf\u00e9!\n\n x", "caf\u0065\u0301 \ufb01 \u3392 \ud55c\uae00 \u1112\u1161\u11ab", "\u2581a \u2581 b", "x-y--z",
         "\u3042\u3044 \u65e5\u672c\u8a9e\n\u3067\u3059", "<s>a b</s> c", "\ta\u00a0b\u2003c\u0085", "ab ba aabb", "\U0001f600 \u0378", "aaaa bbbb", "\u00e5\u0327\u0323 q\u0307\u0323", "do n't . ,a"]
LETTERS = sorted(set("".join(TEXTS)) - set("<>/")) + ["▁", "é", "한", "fi", "##b", "##a", "##e", "<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def vocabulary(*more):
    return {token: place for place, token in enumerate(dict.fromkeys(["<unk>", "<s>", "</s>", *LETTERS, *more]))}


def added(vocab, normalized=False):
    return [{"id": vocab[token], "content": token, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": normalized, "special": True} for token in ("<s>", "</s>")]


def document(model, **parts):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": parts.pop("added", added(vocabulary())),
            "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None, **parts, "model": model}


def bpe(*merges, **options):
    vocab = vocabulary(*("".join(merge.split()) for merge in merges), *options.pop("more", []))
    return {"type": "BPE", "unk_token": "<unk>", "fuse_unk": False, "byte_fallback": False, "vocab": vocab,
            "merges": list(merges), **options}


def unigram(**options):
    pieces = [(token, -float(place % 13) - 0.25) for token, place in vocabulary("ab", "ba", "▁a", "▁b", "aa", "日本", "本語", "日本語").items()]
    pieces += [(byte, -20.0) for byte in options.pop("more", [])]
    return {"type": "Unigram", "unk_id": 0, "byte_fallback": False, "vocab": pieces, **options}


def word_piece(**options):
    return {"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##", "max_input_chars_per_word": 6,
            "vocab": vocabulary("ab", "##ab", "##bb", "caf"), **options}


def split(pattern, behavior, invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def metaspace(**options):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True, **options}


def replace(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


def sequence(children, *parts):
    return {"type": "Sequence", children: list(parts)}


def documents():
    merges = ["a b", "b a", "ab b", "▁ a", "a a"]
    yield document(bpe(*merges))
    yield document(bpe(*merges, fuse_unk=True))
    yield document(bpe(*merges, byte_fallback=True, more=BYTES))
    yield document(bpe(*merges, ignore_merges=True, more=["it's", "café"]), pre_tokenizer={"type": "WhitespaceSplit"})
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield document(bpe(*merges), normalizer={"type": form})
        yield document(bpe(*merges), normalizer=sequence("normalizers", {"type": form}, {"type": "Prepend", "prepend": "▁"}),
                       added=added(vocabulary(), normalized=True))
    for left, right in itertools.product((False, True), repeat=2):
        yield document(bpe(*merges), normalizer={"type": "Strip", "strip_left": left, "strip_right": right})
    for pattern, content in (({"String": " "}, "▁"), ({"String": "ab"}, ""), ({"Regex": "^"}, "▁"), ({"Regex": "(?<!\\n)^"}, "▁"),
                             ({"Regex": "\\s+$"}, "x"), ({"Regex": "[[a]b]"[1:5]}, "é"), ({"Regex": "\\p{L}\\p{M}*"}, "a"),
                             ({"Regex": "\\bb|[^\\p{L}\\s]"}, "ab"), ({"Regex": "x*"}, "-")):
        yield document(bpe(*merges), normalizer=replace(pattern, content))
    for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            yield document(bpe(*merges), pre_tokenizer=split({"Regex": "[ab]|-"}, behavior, invert))
            yield document(bpe(*merges), pre_tokenizer=split({"String": " "}, behavior, invert))
            yield document(bpe(*merges), pre_tokenizer=split({"Regex": "(?=b)|\\s*"}, behavior, invert))
    for scheme, cut in itertools.product(("always", "first", "never"), (False, True)):
        yield document(bpe(*merges), pre_tokenizer=metaspace(prepend_scheme=scheme, split=cut),
                       decoder={"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": cut})
        yield document(bpe(*merges), pre_tokenizer=sequence("pretokenizers", split({"Regex": "\\p{N}|-"}, "Isolated"),
                                                            metaspace(prepend_scheme=scheme, split=cut)))
    yield document(bpe(*merges), pre_tokenizer={"type": "Digits", "individual_digits": False})
    for options in ({}, {"byte_fallback": True, "more": BYTES}, {"byte_fallback": True, "more": BYTES[:200]}):
        yield document(unigram(**options))
        yield document(unigram(**options), pre_tokenizer=metaspace(), decoder=sequence("decoders", {"type": "ByteFallback"}, {
            "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}))
        yield document(unigram(**options), normalizer=sequence("normalizers", replace({"Regex": "(?<!\\n)^"}, "▁"), replace({"Regex": " "}, "▁")),
                       decoder=sequence("decoders", {"type": "ByteFallback"}, replace({"Regex": "▁"}, " "), {"type": "Fuse"},
                                        replace({"Regex": "(?<!\\n)^ "}, "")))
    for cleanup in (False, True):
        yield document(word_piece(), pre_tokenizer={"type": "WhitespaceSplit"},
                       decoder={"type": "WordPiece", "prefix": "##", "cleanup": cleanup})


def rows(document):
    tokenizer, decoder = Tokenizer.from_str(json.dumps(document)), decoding(document)
    for text in TEXTS:
        encoding = tokenizer.encode(text)
        yield {"text": text, "ids": encoding.ids, "spans": in_bytes(encoding.offsets, text), "decoded": decoder.decode(encoding.ids)}


def fnv1a(data):
    """Fowler, Noll, Vo: 64 bits, the byte first."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def normal_forms():
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        normalizer = getattr(normalizers, form)()
        codes = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
        yield form, fnv1a("".join(normalizer.normalize_str(f"e{chr(c)}\u0323\u0301") for c in codes).encode())


def main():
    out = pathlib.Path(sys.argv[1])
    with open(out / "tokenizer_parts.jsonl", "w") as file:
        for one in documents():
            file.write(json.dumps({"tokenizer": one, "rows": list(rows(one))}) + "\n")
    (out / "normal_forms.json").write_text(json.dumps(dict(normal_forms()), indent=2) + "\n")


main()
