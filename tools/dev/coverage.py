#!/usr/bin/env python3
"""Which lines of engine/io and data the tests run.

  coverage.py BUILD [test-program arguments]   runs BUILD/llmft_test (the preset coverage), asks gcov, prints a table

For each file: lines that hold code, lines that ran, their share; then the errors that no test provokes (lines that
throw or refuse and never ran; an InternalError is a bug of llmft, which no input can provoke). What runs in a child
that a test kills or leaves by _exit is not counted. Exits 1 where a folder has less than 90 %.
"""
import collections
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys

FOLDERS = ("engine/io", "data")
LEAST = 90.0
ERROR = re.compile(r"\b(throw|refuse\w*|fail\w*)\b")


def counts_of(root, data_file):
    """(file, line) → how often it ran, of one object file."""
    out = subprocess.run(["gcov", "--json-format", "--stdout", data_file.name], cwd=data_file.parent, check=True,
                         capture_output=True, text=True).stdout
    counts = {}
    for one in out.splitlines():
        report = json.loads(one)
        for source in report["files"]:
            path = pathlib.Path(report["current_working_directory"], source["file"]).resolve()
            if not path.is_relative_to(root):
                continue
            name = path.relative_to(root).as_posix()
            if name.startswith(tuple(folder + "/" for folder in FOLDERS)):
                for line in source["lines"]:
                    key = (name, line["line_number"])
                    counts[key] = max(counts.get(key, 0), line["count"])
    return counts


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    build = pathlib.Path(sys.argv[1]).resolve()
    for old in build.rglob("*.gcda"):
        old.unlink()
    subprocess.run([build / "llmft_test", *sys.argv[2:]], check=False)   # what failed has run, too
    total = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for counts in pool.map(lambda file: counts_of(root, file), build.rglob("*.gcda")):
            for key, count in counts.items():
                total[key] += count
    lines = collections.defaultdict(dict)
    for (name, line), count in total.items():
        lines[name][line] = count
    missed, enough = [], True
    print(f"{'file':44} {'lines':>6} {'ran':>6} {'%':>6}")
    for folder in FOLDERS:
        all_lines = all_ran = 0
        for name in sorted(name for name in lines if name.startswith(folder + "/")):
            ran = sum(count > 0 for count in lines[name].values())
            all_lines, all_ran = all_lines + len(lines[name]), all_ran + ran
            print(f"{name:44} {len(lines[name]):6} {ran:6} {100 * ran / len(lines[name]):6.1f}")
            text = (root / name).read_text().splitlines()
            missed += [f"{name}:{line}: {text[line - 1].strip()}" for line, count in sorted(lines[name].items())
                       if count == 0 and ERROR.search(text[line - 1]) and "InternalError" not in text[line - 1]]
        share = 100 * all_ran / max(1, all_lines)
        enough = enough and share >= LEAST
        print(f"{folder + ' in all':44} {all_lines:6} {all_ran:6} {share:6.1f}\n")
    print(f"errors that no test provokes: {len(missed)}")
    print("\n".join(missed))
    sys.exit(0 if enough else 1)


if __name__ == "__main__":
    main()
