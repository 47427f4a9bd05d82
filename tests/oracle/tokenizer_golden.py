#!/usr/bin/env python3
"""Writes what the tokenizers library (0.23.3) makes of nasty strings, for tests/data/tokenizer_golden_test.cpp to compare.

    tests/oracle/tokenizer_golden.py --data ../shared/data --rows 120 --out tests/golden/tokenizer      # the frozen sample
    tests/oracle/tokenizer_golden.py --data ../shared/data --rows 50000 --out /tmp/goldens              # the whole claim:
    LLMFT_TOKENIZER_GOLDENS=/tmp/goldens build/llmft_test -tc='*tokenizers library*'

A file's first line names the tokenizer; each further line is {"text", "ids", "spans", "decoded", "decoded_with_special"};
spans are the library's offsets, in bytes: begin, end, begin, end, …; null where they are not compared (dropped).
"""
import argparse
import json
import itertools
import pathlib
import random
import unicodedata

from tokenizers import Tokenizer, decoders
from tokenizers.pre_tokenizers import ByteLevel

NAMES = {
    "story-llama": "weights/story-llama-0.6M",
    "stories260k": "weights/stories260K/hf",
    "smollm2": "weights/smollm2-135m-instruct",
    "gpt2": "tokenizers/gpt2",
    "llama2": "tokenizers/llama2",
    "llama3.2": "tokenizers/llama3.2",
    "qwen2.5": "tokenizers/qwen2.5",
    "llm-jp": "tokenizers/llm-jp/hf/ver3.1/llm-jp-tokenizer-100k.ver3.1",
}
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2003\u200a\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
DIGITS = "0123456789²½Ⅻ〇٣०๙𝟘㊿㈠⓪\U0001f100\U00011de3\U00016ff5"
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'RE", "'ſ", "''", "'", "’s", " 's", "'l", "'v", "'r"]
WORDS = ["the", "Once", " upon", "naïve", "straße", "Ελλάδα", "Привет", "שלום", "مرحبا", "हिन्दी", "ไทย", "한국어", "日本語", "吾輩は猫である", "中文",
         "e\u0301", "ﬁ", "Ǆ", "ß", "İ", "👩‍👩‍👧‍👦", "🇯🇵", "👍🏽", "\u200d", "ʼ", "₂", "№", "ª", "__init__", "i+=1;", "foo(bar)->baz", "</div>",
         "https://a.b/c?d=e&f", "don't", "I'll", "x²", "1,234.50", "-7e-3", "$$$", "...", "—", "“q”", "\\n", "<0x0A>", "<0xFF>", "▁", "Ġ", "Ċ", "é"]
SCRIPTS = [(0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0xE00, 0x11FF), (0x1E00, 0x2BFF), (0x3000, 0x30FF),
           (0x4E00, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7A3), (0xE000, 0xF8FF), (0xF900, 0xFFFD), (0x10000, 0x1FFFF), (0x20000, 0x3FFFF),
           (0xE0000, 0xE01EF), (0x10FF00, 0x10FFFF)]
CODE = "def f(x):\n\tif x  >= 10:\n        return {'a': [1, 2], \"b\": x**2}\n\n\n# done\r\n"


def any_character(rng):
    first, last = rng.choice(SCRIPTS)
    return chr(rng.randint(first, last))


def piece(rng, specials):
    kind = rng.randrange(14)
    if kind == 0:
        return rng.choice(SPACES) * rng.choice([1, 1, 2, 3, 7])
    if kind == 1:
        return "".join(rng.choice(DIGITS) for _ in range(rng.randint(1, 6)))
    if kind == 2:
        return rng.choice(CONTRACTIONS)
    if kind == 3 and specials:
        return rng.choice(["", "", " ", "a", "\n"]) + rng.choice(specials)
    if kind == 4:
        return chr(rng.randrange(32)) if rng.random() < 0.5 else chr(rng.randint(0x7F, 0xA0))
    if kind == 5:
        return any_character(rng)
    if kind == 6:
        return "".join(any_character(rng) for _ in range(rng.randint(1, 8)))
    if kind == 7:
        return rng.choice("aA=-_.~ \n0▁é日") * rng.randint(2, 60)
    if kind == 8:
        begin = rng.randrange(len(CODE))
        return CODE[begin:begin + rng.randint(1, 30)]
    if kind == 9 and specials:
        return rng.choice(specials)[:rng.randint(1, 6)]
    return rng.choice(["", " ", " "]) + rng.choice(WORDS)


def every_character():
    """Each assigned character once between letters, eight a row."""
    assigned = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Co", "Cs")]
    for at in range(0, len(assigned), 8):
        yield "".join("x" + c + "y" for c in assigned[at:at + 8])


def strings(count, specials, seed):
    rng = random.Random(seed)
    yield from ["", " ", "  ", "\n", "a", "▁", "\0", "'", " '", "\r\n", "\ufeffa", "A" * 300, " " * 300, "\n" * 300, "12345678", CODE]
    yield from [special + tail for special in specials[:6] for tail in ("", " a", "a", specials[0])]
    if count >= 20000:
        yield from every_character()
    for _ in range(count):
        yield "".join(piece(rng, specials) for _ in range(rng.choice([1, 2, 3, 5, 8, 12])))


def decoding(document):
    """0.23.3 writes an added token with normalized = true in its normalised form and then does not skip it as special;
    transformers, which does not leave that flag on, and earlier versions write and skip what the file says."""
    return Tokenizer.from_str(json.dumps({**document, "added_tokens": [{**t, "normalized": False} for t in document["added_tokens"]]}))


def dropped(tokenizer, text):
    """Whether a byte of the text is no token of a byte-level vocabulary. The library leaves it out and then counts the
    offsets of what follows without it; llmft counts them with it."""
    missing = {c for c in ByteLevel.alphabet() if tokenizer.token_to_id(c) is None}
    if not missing or not isinstance(tokenizer.decoder, decoders.ByteLevel):
        return False
    return any(missing & set(piece) for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text))


def in_bytes(offsets, text):
    places = list(itertools.accumulate((len(c.encode()) for c in text), initial=0))
    return [places[place] for span in offsets for place in span]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, folder in NAMES.items():
        path = options.data / folder / "tokenizer.json"
        document = json.loads(path.read_text())
        tokenizer = Tokenizer.from_str(json.dumps(document))
        specials = [token["content"] for token in document["added_tokens"]]
        decoder = decoding(document)
        with open(options.out / f"{name}.jsonl", "w") as out:
            out.write(json.dumps({"tokenizer": folder}) + "\n")
            for text in strings(options.rows, specials, seed=1):
                encoding = tokenizer.encode(text)
                ids = encoding.ids
                row = {"text": text, "ids": ids, "spans": None if dropped(tokenizer, text) else in_bytes(encoding.offsets, text),
                       "decoded": decoder.decode(ids),
                       "decoded_with_special": decoder.decode(ids, skip_special_tokens=False)}
                out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
