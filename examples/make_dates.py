#!/usr/bin/env python3
"""Prints rows that teach a model to rewrite dates, the same ones every time.

    python3 examples/make_dates.py [--rows 300] [--style iso|dmy]

dates.jsonl, beside this file, is what it prints without options. iso: 1971-09-07; dmy: 07-09-1971. Days lie between 1950 and
2023, and up to 27000 rows all differ.
"""
import argparse
import datetime
import json

FIRST = datetime.date(1950, 1, 1)
STRIDE_DAYS = 7919   # a prime: days, months and years all vary from row to row
SPAN_DAYS = 27000
STYLES = {"iso": lambda date: date.isoformat(), "dmy": lambda date: f"{date:%d-%m-%Y}"}

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("--rows", type=int, default=300)
arguments.add_argument("--style", choices=STYLES, default="iso")
given = arguments.parse_args()

for row in range(given.rows):
    day = FIRST + datetime.timedelta(days=row * STRIDE_DAYS % SPAN_DAYS)
    spoken = f"{day.day} {day:%B} {day.year}"
    print(json.dumps({"prompt": f"{spoken} ->", "completion": f" {STYLES[given.style](day)}"}))
