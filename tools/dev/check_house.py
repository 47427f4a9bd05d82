#!/usr/bin/env python3
"""The house test (ARCHITECTURE.md, "One direction"), mechanised.

  check_house.py               every rule below, over the checkout that holds this file
  check_house.py --text-only   without compiling headers
  check_house.py --self-test   the rules against a toy tree

Rules: an include goes down only, and names a file that exists; no room uses words that are foreign to it (comments and
strings do not count); headers have #pragma once, no `using namespace`, and compile alone; a source includes its own
header first; files and functions stay short; a type that others can see has its name to itself (two of one name in two
files link into one, and nobody says so). Prints path:line: what, exits 1 where there is something.
"""
import argparse
import bisect
import concurrent.futures
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOMS = ("kernels", "engine", "model", "data", "tools", "tests")
SUFFIXES = {".h", ".cpp", ".cu", ".cuh"}
MAY_INCLUDE = {  # prefixes
    "kernels": ("kernels/",),
    "engine": ("engine/", "kernels/"),
    "model": ("model/", "engine/", "kernels/base/"),
    "data": ("data/", "engine/", "kernels/base/"),
    "tools": ("tools/", "model/", "data/", "engine/", "kernels/base/"),
    "tests": tuple(room + "/" for room in ROOMS),
}
LIBRARIES = {  # a third-party header → who may include it
    "nlohmann/": ("engine/io/",),
    "dnnl": ("kernels/gemm/", "kernels/attention/"),
    "CLI/": ("tools/",),
    "pcre2": ("engine/io/",),
    "toml++/": ("tools/",),
    "doctest/": ("tests/",),
}
CUDA = r"(?<!_)cuda\w+"  # names of the runtime: `cuda::`, make_cuda_device() and "--device cuda" pass
FOREIGN = {
    "kernels": ["lora", "n_layers", "layer_idx", "ModelConfig", "checkpoint", "fopen", "getenv", "printf", "cudaMalloc",
                "cudaDeviceSynchronize"],
    "engine": ["llama", "qwen", "gemma", "lora", "rope_theta", "argv", "getenv", CUDA],
    "model": ["<<<", "threadIdx", CUDA, r"nccl\w+", "fopen", "getenv", "argv"],
    "data": ["<<<", CUDA, r"grad\w*", "optimizer"],
    "tools": ["<<<", "threadIdx", CUDA],
}
MAY_SAY = [  # (file, word): the one home of a word
    (r"engine/comm/bootstrap.*", "getenv"),
    (r"kernels/base/parallel\.cpp", "getenv"),  # OMP_NUM_THREADS
    (r"engine/core/device_(no_)?cuda\..*", CUDA),
    (r"engine/core/device\.h", CUDA),
    (r"engine/comm/comm_(no_)?nccl\..*", CUDA),
]
PARTS = r"kernels/base/simd_\w+\.h"  # bodies that simd.h includes behind its own
FILE_LINES = 500
MEDIAN_LINES = 150
FUNCTION_LINES = 120
SCREEN_LINES = 70
OVER_SCREEN_SHARE = 0.02

LITERAL = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-zA-Z])\'(?:\\.|[^\'\\\n])+\'', re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)


def blanked(text):
    """The text with comments and literals emptied, every line where it was."""
    def empty(match):
        found = match.group(0)
        hull = '""' if found[0] in '"R' else "0" if found[0] == "'" else " "
        return hull + "\n" * found.count("\n")
    return LITERAL.sub(empty, text)


class Source:
    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        self.room = self.path.split("/")[0]
        self.text = path.read_text(encoding="utf-8")
        self.code = blanked(self.text)
        self.starts = [m.start() for m in re.finditer(r"^", self.code, re.M)]
        self.lines = self.text.count("\n")
        self.header = path.suffix in (".h", ".cuh")
        self.includes = [(self.text.count("\n", 0, m.start()) + 1, m.group(1) == '"', m.group(2))
                         for m in INCLUDE.finditer(self.text)]

    def line(self, position):
        return bisect.bisect_right(self.starts, position)


def check_includes(source, paths):
    for line, ours, name in source.includes:
        if ours and name not in paths:
            yield line, f'"{name}" is not a file of this tree'
        elif ours and not name.startswith(MAY_INCLUDE[source.room]):
            yield line, f'{source.room} may not include "{name}": an include goes down only'
        for library, homes in LIBRARIES.items():
            if not ours and name.startswith(library) and not source.path.startswith(homes):
                yield line, f"<{name}> belongs to {' and '.join(homes)}"
    own = re.sub(r"\.(cpp|cu)$", ".h", source.path)
    if own != source.path and own in paths and source.includes and source.includes[0][2] != own:
        yield source.includes[0][0], f'the first include is not "{own}"'


def check_words(source):
    code = INCLUDE.sub("", source.code)
    for word in FOREIGN.get(source.room, []):
        if any(word == said and re.fullmatch(home, source.path) for home, said in MAY_SAY):
            continue
        pattern = word if word == "<<<" else r"(?<![A-Za-z])" + word
        for match in re.finditer(pattern, code):
            yield code.count("\n", 0, match.start()) + 1, f"'{match.group(0)}' is foreign to {source.room}"


def check_header(source):
    if not source.header:
        return
    if not re.search(r"^#pragma once$", source.text, re.M):
        yield 1, "no #pragma once"
    for match in re.finditer(r"\busing\s+namespace\b", source.code):
        yield source.line(match.start()), "`using namespace` in a header"


def signature_kind(head):
    """What a brace opens outside functions, from the text before it: scope, function, or initializer."""
    if re.search(r"\b(namespace|extern)\b", head):
        return "scope"
    flat, before = re.sub(r"\boperator\s*[^\s\w(]+(?=\s*\()", "operator", head), None
    while before != flat:
        before, flat = flat, re.sub(r"\([^()]*\)", "@", flat)
    if "@" not in flat or "=" in flat:
        return "scope" if re.search(r"\b(class|struct|union|enum)\b", flat) and "=" not in flat else "initializer"
    if re.search(r"\b(class|struct|union)\s+(\w+|@)*\s*\w*\s*(:[^:]|$)", flat):
        return "scope"
    list_of_members = re.search(r"@[\w\s]*:(?!:)", flat)
    last = re.search(r"(\w+|>)\s*$", flat)
    if list_of_members and last:
        return "initializer"
    return "function"


def functions(source):
    """(first line, lines) of every function body that is not inside another."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda m: "\n" * m.group(0).count("\n"), source.code, flags=re.M)
    stack, head = [], 0
    for match in re.finditer(r"[{};]", code):
        at, mark = match.start(), match.group(0)
        inside = bool(stack) and stack[-1][0] in ("function", "initializer")
        if mark == "{":
            kind = stack[-1][0] if inside else signature_kind(code[head:at])
            stack.append((kind, at, inside))
            if kind == "scope":
                head = at + 1
        elif mark == "}" and stack:
            kind, start, nested = stack.pop()
            if kind == "function" and not nested:
                first = code.count("\n", 0, start) + 1
                yield first, code.count("\n", start, at) + 1
            if kind == "scope" or (kind == "function" and not nested):
                head = at + 1
        elif mark == ";" and not inside:
            head = at + 1


def check_lengths(sources):
    lengths = []
    for source in sources:
        if source.lines > FILE_LINES:
            yield source.path, source.lines, f"{source.lines} lines, at most {FILE_LINES}"
        for line, count in functions(source):
            lengths.append((count, source.path, line))
            if count > FUNCTION_LINES:
                yield source.path, line, f"a function of {count} lines, at most {FUNCTION_LINES}"
    long = sorted(x for x in lengths if SCREEN_LINES < x[0] <= FUNCTION_LINES)
    if len(long) > OVER_SCREEN_SHARE * len(lengths):
        for count, path, line in long:
            yield path, line, (f"a function of {count} lines; {len(long)} of {len(lengths)} are over {SCREEN_LINES}, "
                               f"at most {OVER_SCREEN_SHARE:.0%} may be")
    median = statistics.median(s.lines for s in sources) if sources else 0
    if median > MEDIAN_LINES:
        yield ".", 0, f"the median file has {median:.0f} lines, at most {MEDIAN_LINES}"


SCOPE = re.compile(r"^(?:inline )?namespace ?([\w:]*) ?\{|^(\}) *// namespace|"
                   r"^(?:class|struct|union|enum(?: class)?) (\w+)\b(?!::)[^;{(]*\{", re.M)


def visible_types(source):
    """(line, qualified name) of every type at the top of a named namespace, in clang-format's layout."""
    scopes = []
    for match in SCOPE.finditer(source.text):
        opens, closes, name = match.groups()
        if closes:
            del scopes[-1:]
        elif name is None:
            scopes.append(opens)
        elif "" not in scopes:
            yield source.line(match.start()), "::".join([*scopes, name])


def check_type_names(sources):
    homes = {}
    for source in sources:
        if re.fullmatch(PARTS, source.path):
            continue
        for line, name in visible_types(source):
            if homes.setdefault(name, source.path) != source.path:
                yield source.path, line, f"{name} is also a type of {homes[name]}"


def headers_to_compile(sources):
    """Those that no source includes first: for the others the build is the proof."""
    proven = {s.includes[0][2] for s in sources if not s.header and s.includes}
    return [s for s in sources if s.path.endswith(".h") and s.path not in proven and not re.fullmatch(PARTS, s.path)]


def check_compiles(root, sources, compiler):
    def compile_alone(source):
        command = [compiler, "-std=c++20", "-fsyntax-only", "-I", str(root), "-DLLMFT_ISA=v2", '-DLLMFT_SOURCE_DIR=""',
                   "-x", "c++", str(root / source.path)]
        done = subprocess.run(command, capture_output=True, text=True)
        errors = [line for line in done.stderr.splitlines() if "error:" in line]
        return (source.path, 1, "does not compile alone: " + (errors or ["?"])[0]) if done.returncode else None
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [x for x in pool.map(compile_alone, headers_to_compile(sources)) if x]


def check_tree(root, compiler=None):
    files = sorted(f for room in ROOMS for f in (root / room).rglob("*") if f.suffix in SUFFIXES)
    sources = [Source(root, f) for f in files]
    paths = {s.path for s in sources}
    found = []
    for source in sources:
        for line, what in (*check_includes(source, paths), *check_words(source), *check_header(source)):
            found.append((source.path, line, what))
    found += check_lengths(sources)
    found += check_type_names(sources)
    if compiler:
        found += check_compiles(root, sources, compiler)
    return len(sources), sorted(set(found))


TOY = {  # path → (text, what each finding about it must contain, in any order)
    "kernels/base/view.h": ("#pragma once\n// lora, printf(): words in comments pass\n", []),
    "kernels/rope/rope.h": ('#pragma once\n#include "kernels/base/view.h"\nvoid rope();\n', []),
    "kernels/rope/rope.cpp": ('#include "kernels/rope/rope.h"\n#include "engine/ops/rope.h"\nvoid rope() { lora_scale(); }\n',
                              ["goes down only", "'lora' is foreign"]),
    "engine/ops/rope.h": ('#pragma once\nconst char* text = "lora argv"; // getenv\nenum class K { kCuda };\n', []),
    "engine/ops/rope.cpp": ('#include "kernels/rope/rope.h"\n#include "engine/ops/rope.h"\n'
                            'void a() { cuda::rope(); cudaMalloc(0); }\n', ["first include", "'cudaMalloc' is foreign"]),
    "engine/core/device_cuda.cpp": ("void a() { cudaMalloc(0); }\n", []),
    "model/block.cpp": ('#include "kernels/rope/rope.h"\n#include "kernels/base/view.h"\nvoid a() { k<<<1, 2>>>(); }\n',
                        ["goes down only", "'<<<' is foreign"]),
    "model/json.cpp": ("#include <nlohmann/json.hpp>\n", ["belongs to engine/io/"]),
    "data/rows.h": ('#include "data/absent.h"\nusing namespace std;\nint upgrade;\nint d_grad;\n',
                    ["not a file", "no #pragma once", "using namespace", "'grad' is foreign", "does not compile alone"]),
    "tools/broken.h": ("#pragma once\nstd::string f();\n", ["does not compile alone"]),
    "tools/long.cpp": ("struct S {\n  S() : a{1}, b{2} {\n" + "    ++a;\n" * 121 + "  }\n  int a{0}, b = 3;\n};\n"
                       "const int table[] = {\n" + "  1,\n" * 130 + "};\nint f(int x = {}) {\n  return 1;\n}\n",
                       ["a function of 123 lines"]),
    "tools/screen.cpp": ("int g(const S& s) {\n" + "  if (s) { }\n" * 70 + "}\n", ["a function of 72 lines"]),
    "data/decoder.h": ("#pragma once\nnamespace llmft {\nclass Decoder {\n};\nnamespace {\nstruct Own {\n};\n}   // namespace\n"
                       "struct Seen;\n}   // namespace llmft\n", []),
    "model/decoder.h": ("#pragma once\nnamespace llmft {\nstruct Own {\n};\nstruct Seen {\n};\nclass Decoder final {\n};\n"
                        "}   // namespace llmft\nnamespace llmft::cpu {\nstruct Seen {\n};\n}   // namespace llmft::cpu\n",
                        ["llmft::Decoder is also a type of data/decoder.h"]),
    "tests/huge.cpp": ("int x;\n" * 501, ["501 lines"]),
}


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, (text, _) in TOY.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        _, found = check_tree(root, "g++")
    wrong = []
    for path, (_, wanted) in TOY.items():
        got = [what for at, _, what in found if at == path]
        if len(got) != len(wanted) or any(not any(w in g for g in got) for w in wanted):
            wrong.append(f"{path}: wanted {wanted}, got {got}")
    print("\n".join(wrong) or f"self-test: {len(TOY)} files as expected")
    return bool(wrong)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--self-test", action="store_true")
    arguments.add_argument("--text-only", action="store_true")
    arguments.add_argument("--compiler", default="g++")
    given = arguments.parse_args()
    if given.self_test:
        return self_test()
    root = pathlib.Path(__file__).resolve().parents[2]
    count, found = check_tree(root, None if given.text_only else given.compiler)
    for path, line, what in found:
        print(f"{path}:{line}: {what}")
    print(f"{count} files, {len(found)} findings")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
