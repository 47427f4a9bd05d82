#!/usr/bin/env python3
"""Every name that the documents put in backticks has to exist.

  check_docs.py               README, ARCHITECTURE, CONTRIBUTING and third_party/README of the checkout that holds this file
  check_docs.py --self-test   the rules against a toy tree

A path exists in the tree (`<op>` and NAME stand for any name, {a,b} for either); a bare file name exists somewhere in it, or
the sources name it; an option or an identifier stands in the sources; `make VERB` is a target of the Makefile and
`llmft COMMAND` a text in tools/. Blocks of code, formulas and sentences in backticks are not looked at, except that
what follows `make` and `llmft` at the start of a line of a block is.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

# Shapes of names, and names of others.
PATTERNS = {"kCamel", "member_", "LLMFT_UPPER", "--kebab-case", "--list-test-cases"}
# What the documents say is not there yet; to be struck off when it comes.
PROMISED = {"rmsnorm_cuda.cu", "export", "quantize", "serve", "tokenize", "verify"}
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "third_party/README.md")
CODE = {".h", ".cpp", ".cu", ".cuh", ".py", ".sh", ".cmake", ".json", ".yml", ".toml", ".txt"}
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
FILE_NAME = re.compile(r"\.?[\w*<>{},-]+(\.[\w*<>{},-]+)*\.(h|cpp|cu|cuh|py|sh|md|json|jsonl|toml|txt|cmake|safetensors|html|yml)")
IDENTIFIER = re.compile(r"[A-Za-z_]\w*((::|\.|->)~?[A-Za-z_]\w*)*(\(\))?")
OPTION = re.compile(r"--[a-z][a-z0-9-]*")


def expanded(pattern):
    """{a,b} spelled out, <op> and NAME as *."""
    brace = re.search(r"\{([^{}]*)\}", pattern)
    if brace:
        return [p for choice in brace.group(1).split(",") for p in expanded(pattern[:brace.start()] + choice + pattern[brace.end():])]
    return [re.sub(r"<[^<>]*>|NAME", "*", pattern)]


class Tree:
    def __init__(self, root):
        self.root = root
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
        names = listed.stdout.splitlines() if listed.returncode == 0 else [
            p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()]
        self.files = {name for name in names if (root / name).is_file()}
        self.tops = {name.split("/")[0] for name in self.files if "/" in name}
        code = [n for n in self.files if (pathlib.Path(n).suffix in CODE or "/" not in n) and not n.endswith(".md")
                and not n.startswith("tests/golden/") and n != "tools/dev/check_docs.py"]
        self.texts = {n: (root / n).read_text(encoding="utf-8", errors="replace") for n in code}
        self.words = set(re.findall(r"[A-Za-z_]\w*", "\n".join(self.texts.values())))
        self.everything = "\n".join(self.texts.values())
        self.tools = "\n".join(text for name, text in self.texts.items() if name.startswith("tools/"))

    def has_path(self, path):
        return all(any(self.root.glob(p.rstrip("/"))) for p in expanded(path))

    def names_file(self, name):
        return all(any(self.root.glob("**/" + p)) or p in self.everything for p in expanded(name))

    def has_target(self, verb):
        return re.search(rf"^(\.PHONY:.*\s)?([\w -]*\s)?{re.escape(verb)}(\s[\w -]*)?:", self.texts.get("Makefile", ""), re.M)


def missing(span, tree):
    """What is wrong with a span, or nothing."""
    words = span.split()
    if span in PATTERNS | PROMISED:
        return None
    if words[0] in ("make", "llmft", "./llmft") and len(words) > 1:
        command = words[1]
        if not re.fullmatch(r"[a-z][a-z-]*", command):
            return None
        if words[0] == "make":
            return None if tree.has_target(command) else "is no target of the Makefile"
        return None if f'"{command}"' in tree.tools else "is no command in tools/"
    if len(words) > 1:
        return next((f"{o} is no option" for o in words if OPTION.fullmatch(o) and o[2:] not in tree.everything), None)
    if OPTION.fullmatch(span):
        return None if f'"{span[2:]}"' in tree.everything or span in tree.everything else "is no option"
    if "/" in span and span.split("/")[0] in tree.tops and re.fullmatch(r"[\w./*<>{},-]+", span):
        return None if tree.has_path(span) else "is not in the tree"
    if FILE_NAME.fullmatch(span):
        return None if tree.names_file(span) else "is neither in the tree nor named by a source"
    if IDENTIFIER.fullmatch(span):
        last = re.split(r"::|\.|->", span.removesuffix("()"))
        gone = [word for word in last if word.lstrip("~") not in tree.words]
        return f"{gone[0]} is not in the sources" if gone else None
    return None


def check(root, documents=DOCUMENTS):
    tree = Tree(root)
    found = []
    for name in documents:
        if not (root / name).is_file():
            continue
        text = (root / name).read_text(encoding="utf-8")
        prose = FENCE.sub(lambda m: "\n" * m.group(0).count("\n"), text)
        spans = [(prose.count("\n", 0, m.start()) + 1, m.group(1)) for m in SPAN.finditer(prose)]
        for block in FENCE.finditer(text):
            for line in re.finditer(r"^(?:\$ )?((?:make|\./llmft|llmft) [a-z-]+)\b", block.group(0), re.M):
                spans.append((text.count("\n", 0, block.start() + line.start()) + 1, line.group(1)))
        for line, span in spans:
            what = missing(span.strip(), tree) if span.strip() else None
            if what:
                found.append((name, line, f"`{span}`: {what}"))
    return sorted(found)


TOY = {
    "Makefile": "all: x\ntest house:\n",
    "tools/cmd.cpp": 'add("train", 1); v("lora-r", r); write("metrics.jsonl");',
    "kernels/rope/rope.h": "struct RopeArgs { int rows; }; void rope_forward(RopeArgs);",
    "kernels/rope/rope_cpu.cpp": "",
    "README.md": "\n".join((
        "`kernels/<op>/<op>.h` `kernels/rope/rope_{cpu}.cpp` `kernels/rope` `rope.h` `metrics.jsonl` `--lora-r`",
        "`rope_forward` `RopeArgs::rows` `rope_forward()` `make test` `llmft train --x` `a + b = c` `H ≥ 2`",
        "`kernels/gone.h` `gone.h` `kernels/rope/rope_{cpu,cuda}.cpp`",
        "`--gone` `gone_symbol` `RopeArgs::gone` `make gone` `llmft gone`",
        "```", "make house", "make absent", "gone_symbol", "```", "")),
}
TOY_LINES = [3, 3, 3, 4, 4, 4, 4, 4, 7]


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in TOY.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        found = check(root)
    right = [line for _, line, _ in found] == TOY_LINES
    print("self-test: as expected" if right else "\n".join(map(str, found)))
    return not right


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--self-test", action="store_true")
    if arguments.parse_args().self_test:
        return self_test()
    found = check(pathlib.Path(__file__).resolve().parents[2])
    for path, line, what in found:
        print(f"{path}:{line}: {what}")
    print(f"{len(found)} findings")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
