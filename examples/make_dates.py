#!/usr/bin/env python3
"""Writes dates.jsonl beside itself: rows that teach a model to rewrite dates. The same rows every time."""
import datetime
import json
import pathlib

ROWS = 300
FIRST = datetime.date(1950, 1, 1)
STRIDE_DAYS = 7919   # a prime: days, months and years all vary from row to row
SPAN_DAYS = 27000

with open(pathlib.Path(__file__).with_name("dates.jsonl"), "w", encoding="utf-8") as out:
    for row in range(ROWS):
        date = FIRST + datetime.timedelta(days=row * STRIDE_DAYS % SPAN_DAYS)
        spoken = f"{date.day} {date:%B} {date.year}"
        out.write(json.dumps({"prompt": f"{spoken} ->", "completion": f" {date.isoformat()}"}) + "\n")
