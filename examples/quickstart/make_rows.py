#!/usr/bin/env python3
"""Writes the quickstart's instruction set: a note about an event, and the same as JSON.

    python3 examples/quickstart/make_rows.py FOLDER

FOLDER/train.jsonl has 1200 rows of a prompt and a completion, FOLDER/held-out.jsonl 200. The held-out notes are about people
whose names are in no other row and not in what the base model read, and tell what happened in ways that no other row has
(world.py). The same rows every time. Needs nothing beyond Python's standard library.
"""
import argparse
import json
import pathlib
import random

import world

SEED = 23
ROWS = {"train": 1200, "held-out": 200}
PROMPT = "Write this note as JSON.\n\nNote: {note}\n\nJSON:"


def row(source, people, ways):
    event = world.draw_event(source, people)
    sentences = [event.told(source.choice(ways))]
    if source.random() < 0.5:
        sentences.insert(source.randint(0, 1), source.choice(world.WEATHER))
    fields = {"who": event.who, "did": event.verb, "count": world.NUMBERS[event.number], "colour": event.colour,
              "what": event.things, "where": event.place}
    return {"prompt": PROMPT.format(note=" ".join(sentences)), "completion": " " + json.dumps(fields)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=pathlib.Path)
    folder = arguments.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    source, names = random.Random(SEED), world.names()
    for kind, people, ways in (("train", names["row"], world.TAUGHT), ("held-out", names["held"], world.UNTAUGHT)):
        with open(folder / f"{kind}.jsonl", "w", encoding="utf-8") as file:
            for _ in range(ROWS[kind]):
                file.write(json.dumps(row(source, people, ways)) + "\n")
    print(f"{folder}: {ROWS['train']} rows to learn from, {ROWS['held-out']} held out")


if __name__ == "__main__":
    main()
