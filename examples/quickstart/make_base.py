#!/usr/bin/env python3
"""Writes what the quickstart's base model is trained from: text, tokenizer and a model with random weights.

    python3 examples/quickstart/make_base.py FOLDER [--rows 50000]

FOLDER/text.jsonl has stories of a small world (world.py): one or two events, told in many ways, and people who talk about
them, so that a model has to remember who did what, where, and with how many things of which colour. FOLDER/untrained is a
Llama of 0.85M parameters as a Hugging Face folder, with a byte-level BPE tokenizer whose merges are learned from that text.
The same bytes every time. Needs nothing beyond Python's standard library.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import sys

sys.path.append(str(pathlib.Path(__file__).parent.parent))
import make_tiny_model as tiny
import world

SEED = 11
VOCAB = 768
SHAPE = tiny.Shape(vocab=VOCAB, hidden=128, mlp=344, layers=4, heads=4, key_value_heads=4, positions=1024)


def talk(source, event, asks):
    """Questions and answers about an event, each of a kind, in any order."""
    it = source.choice((event.things, f"{event.colour} {event.things}"))
    kinds = [
        (f"Who {event.verb} the {it}?", source.choice((f"It was {event.who}.", f"{event.who}."))),
        (f"How many {event.things} were there?", source.choice((f"{event.number.capitalize()}.", f"There were {event.number}."))),
        (f"What colour were the {event.things}?", source.choice((f"{event.colour.capitalize()}.", f"They were {event.colour}."))),
        (f"Where were the {it}?", source.choice((f"At the {event.place}.", f"They were at the {event.place}."))),
        (f"What did {event.who} do?", f"{event.who} {event.verb} {event.number} {event.colour} {event.things}."),
        (f"What was at the {event.place}?", f"{event.number.capitalize()} {event.colour} {event.things}."),
    ]
    for question, answer in source.sample(kinds, source.randint(1, 4)):
        said = f'"{question}" asked {asks}. "{answer}"' if source.random() < 0.1 else f'"{question}" "{answer}"'
        yield source.choice((said, f"{question} {answer}"))


def form(source, event):
    """Some of an event's fields, named, in any order."""
    fields = [("who", event.who), ("did", event.verb), ("count", world.NUMBERS[event.number]), ("colour", event.colour),
              ("what", event.things), ("where", event.place)]
    shape, between = source.choice((("{}: {}", ", "), ("{} = {}", "; "), ('{} "{}"', " "), ("{}: {}", "\n"), ("{} - {}", ", ")))
    return between.join(shape.format(*field) for field in source.sample(fields, source.randint(3, 6)))


def notes(source, event):
    """How people of this world write an event down."""
    if source.random() < 0.5:
        return form(source, event)
    digits = world.NUMBERS[event.number]
    return source.choice((
        f"The label said: {digits} {event.colour} {event.things}, {event.place}.",
        f"List: {event.things}: {digits}, {event.colour}; {event.who}.",
        f"{{{event.things}: {digits}, {event.colour}, {event.place}: {event.who}}}",
        f"[{event.who}, {event.place}, {digits}, {event.colour}]",
        f'In the book stood "{event.who}", "{event.verb}", "{event.things}", "{event.place}".',
        f"{event.who} / {event.colour} {event.things} / {digits} / {event.place}",
        f"At the {event.place}: {event.who}: {event.verb} {digits} {event.things}, {event.colour}.",
    ))


def story(source, people):
    *somebody, asks = source.sample(people, 3)
    count = source.choice((1, 1, 1, 2))
    events = []
    while len(events) < count:
        event = world.draw_event(source, [somebody[len(events)]])
        if all(event.things != other.things and event.place != other.place for other in events):
            events.append(event)
    parts = [event.told(source.choice(world.TAUGHT + world.UNTAUGHT)) for event in events]
    if source.random() < 0.5:
        parts.insert(source.randint(0, len(parts)), source.choice(world.WEATHER))
    for event in source.sample(events, len(events)):
        about = [*talk(source, event, asks), notes(source, event), notes(source, event)]
        parts += source.sample(about, len(about))
    text = parts[0]
    for part in parts[1:]:
        text += ("\n" if source.random() < 0.25 else " ") + part
    return text


# ASCII alone: what the byte-level pre-tokenizer of GPT-2 does to this text.
PIECES = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


def learn_merges(texts, count):
    """Byte pair encoding: the pair that is seen most becomes a token, until there are `count` new ones."""
    written = tiny.byte_characters()
    seen = collections.Counter(piece for text in texts for piece in PIECES.findall(text))
    pieces = [([written[byte] for byte in piece.encode()], times) for piece, times in sorted(seen.items())]
    merges, made = [], set()
    while len(made) < count:
        pairs = collections.Counter()
        for tokens, times in pieces:
            for pair in zip(tokens, tokens[1:]):
                pairs[pair] += times
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        made.add(best[0] + best[1])
        for tokens, _ in pieces:
            at = 0
            while at + 1 < len(tokens):
                if (tokens[at], tokens[at + 1]) == best:
                    tokens[at:at + 2] = [best[0] + best[1]]
                at += 1
    return merges


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--rows", type=int, default=50000)
    given = arguments.parse_args()

    source = random.Random(SEED)
    people = world.names()["base"]
    texts = [story(source, people) for _ in range(given.rows)]
    given.folder.mkdir(parents=True, exist_ok=True)
    with open(given.folder / "text.jsonl", "w", encoding="utf-8") as file:
        for text in texts:
            file.write(json.dumps({"text": text}) + "\n")
    merges = learn_merges(texts[:8000], VOCAB - tiny.BYTES - len(tiny.SPECIAL))
    parameters = tiny.write_model(given.folder / "untrained", SHAPE, merges)
    print(f"{given.folder}: {given.rows} rows, {parameters} parameters")


if __name__ == "__main__":
    main()
