#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets: tests/fuzz/corpus/TARGET/NAME, small files, good ones and bad ones.

Seeds that are not in here were found by fuzzing; they are named found-* and stay. Run it after a change and commit what
it writes.
"""
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parent / "golden"


def container(header, data=0):
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header)) + header + bytes(data)


def entry(name, dtype, shape, first, last):
    return f'"{name}":{{"dtype":"{dtype}","shape":{json.dumps(shape)},"data_offsets":[{first},{last}]}}'


def quant4(state):
    """A weight of bitsandbytes' four bits: 64 × 2, blocks of 64."""
    text = json.dumps(state).encode()
    parts = [("w.weight", "U8", [64, 1], bytes(range(64))), ("w.weight.absmax", "F32", [2], struct.pack("<2f", 1, 2)),
             ("w.weight.quant_map", "F32", [16], struct.pack("<16f", *[i / 8 - 1 for i in range(16)])),
             ("w.weight.quant_state.bitsandbytes__nf4", "U8", [len(text)], text)]
    at, entries, data = 0, [], b""
    for name, dtype, shape, raw in parts:
        entries.append(entry(name, dtype, shape, at, at + len(raw)))
        at += len(raw)
        data += raw
    return container("{" + ",".join(entries) + "}") + data


def safetensors():
    one = "{" + entry("a", "F32", [4], 0, 16) + "}"
    small = container('{"__metadata__":{"format":"pt"},' + ",".join(
        [entry("a", "F32", [2, 2], 0, 16), entry("b.weight", "BF16", [], 16, 18), entry("empty", "F32", [0, 3], 18, 18),
         entry("c", "U8", [4], 18, 22)]) + "}  ", 22)
    state = {"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [64, 2]}
    yield "small", small
    yield "empty", b""
    yield "cut", small[:-2]
    yield "zip", small + b"PK\x03\x04"
    yield "header-beyond", struct.pack("<Q", len(small) + 1) + small[8:]
    yield "header-huge", struct.pack("<Q", 1 << 63) + small[8:]
    yield "pickle", b"\x80\x02}q\x00X\x05\x00\x00\x00model"
    yield "pickle-in-zip", b"PK\x03\x04\x14\0\0\0" + bytes(22) + b"archive/data.pkl"
    yield "not-utf8", container(b'{"\xff":1}')
    yield "brace", container("{")
    yield "list", container("[]")
    yield "behind-brace", container(one + "  x", 16)
    yield "twice", container("{" + entry("a", "F32", [2], 0, 8) + "," + entry("a", "F32", [2], 8, 16) + "}", 16)
    yield "field-twice", container('{"a":{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}}', 16)
    yield "unknown-dtype", container("{" + entry("a", "F33", [4], 0, 16) + "}", 16)
    yield "wraps", container("{" + entry("a", "F32", [2, 1 << 62], 0, 16) + "}", 16)
    yield "rank-9", container("{" + entry("a", "F32", [1] * 9, 0, 4) + "}", 4)
    yield "overlap", container("{" + entry("a", "F32", [4], 0, 16) + "," + entry("b", "F32", [2], 8, 16) + "}", 16)
    yield "hole", container("{" + entry("a", "F32", [2], 0, 8) + "," + entry("b", "F32", [1], 12, 16) + "}", 16)
    yield "metadata-nested", container('{"__metadata__":{"a":{}}}')
    yield "name-escape", container('{"a\\u001b[31m\\n":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}')
    yield "surrogate", container('{"\\ud800":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}')
    yield "deep", container('{"a":' + "[" * 100 + "]" * 100 + "}")
    yield "nan", container("{" + entry("a", "BF16", [2], 0, 4) + "}") + b"\xc0\x7f\x80\x7f"
    yield "dtypes", container("{" + ",".join(
        entry(name, dtype, [1], i * 8, i * 8 + 8) for i, (name, dtype) in enumerate([("a", "F64"), ("b", "I64")])) + "}", 16)
    yield "f8", container("{" + entry("a", "F8_E4M3", [4], 0, 4) + "," + entry("b", "F8_E5M2", [2], 4, 6) + "}", 6)
    yield "nf4", quant4(state)
    yield "nf4-nested", quant4({**state, "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.5})
    yield "fp4-wrong", quant4({**state, "quant_type": "fp4"})


def index():
    def text(weight_map, **more):
        return json.dumps({"metadata": {"total_size": 16}, "weight_map": weight_map, **more}).encode()
    good = {"x": "a.safetensors", "y": "b.safetensors"}
    yield "good", text(good)
    yield "one", json.dumps({"weight_map": {"x": "a.safetensors"}}).encode()
    yield "total-wrong", text({"x": "a.safetensors"})
    yield "absent-shard", text({"x": "c.safetensors"})
    yield "absent-tensor", text({**good, "z": "a.safetensors"})
    yield "other-shard", text({"x": "b.safetensors", "y": "a.safetensors"})
    yield "outside", text({"x": "../a.safetensors"})
    yield "absolute", text({"x": "/etc/a.safetensors"})
    yield "no-shard", text({"x": "notes.txt"})
    yield "nul", b'{"weight_map":{"x":"a\\u0000.safetensors"}}'
    yield "empty-map", text({})
    yield "list", b"[]"
    yield "map-list", b'{"weight_map":["a.safetensors"]}'
    yield "number", b'{"weight_map":{"x":1e400}}'
    yield "total-float", b'{"metadata":{"total_size":8.5},"weight_map":{"x":"a.safetensors"}}'
    yield "total-huge", b'{"metadata":{"total_size":99999999999999999999},"weight_map":{"x":"a.safetensors"}}'
    yield "twice", b'{"weight_map":{"x":"a.safetensors","x":"a.safetensors"}}'
    yield "long-name", text({"x": "n" * 300 + ".safetensors"})


def config():
    llama = json.loads((GOLDEN / "tiny-gqa/config.json").read_text())
    for name in ("tiny-gqa", "tiny-llama3", "tiny-mistral", "tiny-qwen2-types", "tiny-qwen3", "tiny-rope-yarn",
                 "tiny-rope-longrope", "tiny-rope-dynamic", "tiny-nf4"):
        yield name, (GOLDEN / name / "config.json").read_bytes()

    def changed(**fields):
        return json.dumps({**llama, **fields}).encode()
    yield "heads", changed(num_attention_heads=5)
    yield "negative", changed(hidden_size=-1)
    yield "huge", changed(hidden_size=1 << 40)
    yield "float", changed(vocab_size=97.0)
    yield "rope-type", changed(rope_scaling={"rope_type": "other", "factor": 2.0})
    yield "rope-factor", changed(rope_scaling={"rope_type": "linear", "factor": 0})
    yield "infinite", json.dumps(llama).encode().replace(b'"rms_norm_eps": 1e-06', b'"rms_norm_eps": 1e400')
    yield "nan", json.dumps(llama).encode().replace(b'"rms_norm_eps": 1e-06', b'"rms_norm_eps": NaN')
    yield "auto-map", changed(auto_map={"AutoModel": "x.py"})
    yield "other-family", changed(model_type="gpt2")
    yield "eos-list", changed(eos_token_id=[1, 2, -1])
    yield "cut", json.dumps(llama).encode()[:200]
    yield "bom", b"\xef\xbb\xbf" + json.dumps(llama).encode()
    yield "utf16", json.dumps(llama).encode("utf-16")


def adapter_config():
    for name in ("grad-lora-patterns", "grad-lora-regex", "grad-lora-layers", "grad-lora-exclude-regex",
                 "grad-lora-lora-bias", "grad-lora-save-norms", "grad-lora-rslora", "curve-qlora-nf4"):
        yield name, (GOLDEN / name / "adapter/adapter_config.json").read_bytes()
    plain = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "down_proj"]}

    def changed(**fields):
        return json.dumps({**plain, **fields}).encode()
    yield "plain", changed()
    yield "rank-0", changed(r=0)
    yield "rank-huge", changed(r=1 << 40)
    yield "alpha-nan", changed(lora_alpha=float("nan"))
    yield "url", changed(base_model_name_or_path="https://x/../../y")
    yield "dora", changed(use_dora=True)
    yield "ia3", changed(peft_type="IA3")
    yield "all-linear", changed(target_modules="all-linear")
    yield "slow-pattern", changed(target_modules="(a|.*)*(b|.*)*c")
    yield "broken-pattern", changed(target_modules="(((")
    yield "broken-key", changed(rank_pattern={"[": 4})
    yield "patterns", changed(rank_pattern={"q_.*": 2, "x": 3}, alpha_pattern={"down_proj": 1.5})
    yield "layers", changed(layers_to_transform=[0, 1], layers_pattern=["layers", "h"])
    yield "orthogonal", changed(init_lora_weights="orthogonal")
    yield "pissa", changed(init_lora_weights="pissa")


# GGUF -----------------------------------------------------------------------------------------------------------------
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
FORMS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", U64: "Q", I64: "q", F64: "d"}
# type → (elements, bytes) of a block
BLOCKS = {0: (1, 4), 1: (1, 2), 30: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
          10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 20: (32, 18), 23: (256, 136)}


def string(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(kind, x):
    """The value's bytes behind its kind; an array is (kind, list)."""
    if kind == STRING:
        return string(x)
    if kind == ARRAY:
        return struct.pack("<IQ", x[0], len(x[1])) + b"".join(value(x[0], one) for one in x[1])
    return struct.pack("<" + FORMS[kind], x)


def gguf_file(values, tensors, version=3, alignment=32, more_values=0, more_tensors=0):
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors) + more_tensors, len(values) + more_values)
    for key, (kind, x) in values.items():
        out += string(key) + struct.pack("<I", kind) + value(kind, x)
    data = b""
    for name, kind, extents in tensors:
        out += string(name) + struct.pack("<I", len(extents)) + b"".join(struct.pack("<Q", e) for e in extents)
        out += struct.pack("<IQ", kind, len(data))
        elements, size = BLOCKS[kind]
        count = 1
        for e in extents:
            count *= e
        data += bytes((i * 37 + kind) % 251 for i in range(count // elements * size))
        data += bytes(-len(data) % alignment)
    if tensors:
        out += bytes(-len(out) % alignment)
    return out + data


def gguf():
    numbers = {"a": (ARRAY, (F32, [1.5, -2.0])), "b": (ARRAY, (STRING, ["x", "", "é"])), "c": (I64, -5)}
    small = gguf_file({**numbers, "general.alignment": (U32, 32)}, [("m", 0, [3, 2]), ("empty", 0, [0, 4]), ("s", 0, [])])
    yield "small", small
    yield "empty", b""
    yield "cut", small[:-40]
    yield "long", small + bytes(32)
    yield "big-endian", b"GGUF" + struct.pack(">IQQ", 3, 0, 0)
    yield "version-2", gguf_file(numbers, [("m", 8, [32])], version=2)
    yield "version-4", gguf_file(numbers, [], version=4)
    yield "counts", gguf_file({}, [], more_values=60000, more_tensors=190000)
    yield "kinds", gguf_file({"a": (F64, 0.1), "b": (BOOL, 1), "c": (U64, 2**64 - 1), "d": (I8, -7), "e": (U16, 60000)}, [])
    yield "nested", gguf_file({"a": (ARRAY, (ARRAY, [(U8, [5]), (STRING, ["y"])]))}, [])
    yield "array-huge", gguf_file({"a": (U8, 1)}, [])[:-5] + struct.pack("<IIQ", ARRAY, F64, 1 << 61)
    yield "bool-2", gguf_file({"a": (BOOL, 2)}, [])
    yield "align-64", gguf_file({"general.alignment": (U32, 64)}, [("m", 0, [3])], alignment=64)
    yield "align-24", gguf_file({"general.alignment": (U32, 24)}, [("m", 0, [3])])
    for kind, (elements, _) in BLOCKS.items():
        yield f"type-{kind}", gguf_file({}, [("t", kind, [elements, 1])])


def gguf_model():
    tokens = ["<unk>", "<s>", "</s>", "▁", "a", "b", "ab", "▁a"]
    llama = {"general.architecture": (STRING, "llama"), "llama.block_count": (U32, 1), "llama.embedding_length": (U32, 8),
             "llama.feed_forward_length": (U32, 8), "llama.attention.head_count": (U32, 2),
             "llama.attention.head_count_kv": (U32, 1), "llama.context_length": (U32, 16),
             "llama.attention.layer_norm_rms_epsilon": (F32, 1e-5), "llama.rope.dimension_count": (U32, 4),
             "llama.rope.freq_base": (F32, 10000.0), "llama.vocab_size": (U32, 8)}
    pieces = {"tokenizer.ggml.model": (STRING, "llama"), "tokenizer.ggml.tokens": (ARRAY, (STRING, tokens)),
              "tokenizer.ggml.scores": (ARRAY, (F32, [0.0, 0.0, 0.0, -1.0, -2.0, -3.0, -4.0, -5.0])),
              "tokenizer.ggml.token_type": (ARRAY, (I32, [2, 3, 3, 1, 1, 1, 1, 1])),
              "tokenizer.ggml.bos_token_id": (U32, 1), "tokenizer.ggml.eos_token_id": (U32, 2)}
    bytes_model = {"tokenizer.ggml.model": (STRING, "gpt2"), "tokenizer.ggml.pre": (STRING, "gpt-2"),
                   "tokenizer.ggml.tokens": (ARRAY, (STRING, ["a", "b", "ab", "Ġ", "<s>"])),
                   "tokenizer.ggml.token_type": (ARRAY, (I32, [1, 1, 1, 1, 3])),
                   "tokenizer.ggml.merges": (ARRAY, (STRING, ["a b"]))}
    weights = [("token_embd.weight", 0, [8, 8]), ("output_norm.weight", 0, [8]), ("blk.0.attn_q.weight", 0, [8, 8]),
               ("blk.0.attn_k.weight", 1, [8, 4]), ("blk.0.attn_v.weight", 30, [8, 4]), ("blk.0.ffn_norm.weight", 0, [8])]

    def without(key):
        return {k: v for k, v in llama.items() if k != key}
    yield "llama", gguf_file({**llama, **pieces, "tokenizer.chat_template": (STRING, "{{ messages }}")}, weights)
    yield "config", gguf_file(llama, [])
    yield "pieces", gguf_file({"general.architecture": (STRING, "llama"), **pieces}, [])
    yield "bytes", gguf_file({"general.architecture": (STRING, "llama"), **bytes_model}, [])
    yield "bytes-unknown-split", gguf_file({**bytes_model, "tokenizer.ggml.pre": (STRING, "other")}, [])
    yield "scores-short", gguf_file({**pieces, "tokenizer.ggml.scores": (ARRAY, (F32, [0.0]))}, [])
    yield "huggingface", gguf_file({**pieces, "tokenizer.huggingface.json": (STRING, "{}")}, [])
    yield "no-heads", gguf_file(without("llama.attention.head_count"), [])
    yield "other", gguf_file({**llama, "general.architecture": (STRING, "gemma")}, [])
    yield "scaled", gguf_file({**llama, "llama.rope.scaling.type": (STRING, "yarn"),
                               "llama.rope.scaling.factor": (F32, 4.0),
                               "llama.rope.scaling.original_context_length": (U32, 8)}, [])
    yield "factors", gguf_file(llama, [("rope_freqs.weight", 0, [2])])
    yield "extra", gguf_file(llama, [("blk.0.other.weight", 0, [8])])
    yield "heads-wrong", gguf_file(llama, [("blk.0.attn_q.weight", 0, [8, 7])])


def run_file():
    texts = {
        "good": 'learning_rate = 2e-4\nnum_train_epochs = 3\ndataset = ["a", "b"]\nshuffle = false\nprompt = "x"\n',
        "empty": "", "comment": "# é\n\n", "unknown": "lora_r = 3\n", "near": "warmup_ration = 0.1\n",
        "twice": "shuffle = true\nshuffle = false\n", "infinite": "learning_rate = inf\n", "nan": "learning_rate = nan\n",
        "negative": "num_train_epochs = -1\n", "huge": "num_train_epochs = 99999999999999999999\n",
        "large": "learning_rate = 1e400\n", "broken": "[=", "table": "[a]\nb = 1\n", "inline": "prompt = {a = 1}\n",
        "dotted": "a.b.c = 1\n", "dates": "prompt = 1979-05-27T07:32:00Z\n", "multi": 'prompt = """a\nb\\\n  c"""\n',
        "literal": "prompt = 'a\\b'\n", "escapes": 'prompt = "\\u00e9\\t\\U0001F600"\n', "surrogate": 'prompt = "\\ud800"\n',
        "nul": 'prompt = "\\u0000"\n', "bare": "é = 1\n", "deep": "a = " + "[" * 300 + "]" * 300 + "\n",
        "hex": "max_steps = 0xff\n", "list-comma": 'dataset = ["a,b"]\n', "date-quotes": "prompt = 1979''       'a\u00e9Z\n", "array-of-tables": "[[a]]\n[[a]]\n",
        "number-quotes": "p=9['\u045e",
        "parts": "a" + ".a" * 40 + " = 1\n", "table-parts": "[" + "a." * 40 + "a]\n",
    }
    for name, text in texts.items():
        yield name, text.encode()
    yield "not-utf8", b'prompt = "\xff"\n'


def jsonl():
    texts = {
        "text": '{"text":"a b ab"}\n{"text":"b"}\n', "pairs": '{"prompt":"a","completion":"b"}\n',
        "tokens": '{"input_ids":[1,2,3],"labels":[-100,2,3]}\n', "array": '[{"text":"a"},{"text":"b"}]',
        "array-open": '[{"text":"a"},', "array-behind": '[{"text":"a"}] x', "array-brackets": '[{"text":"]}[{\\""}]\n',
        "array-empty": "[]", "empty": "", "blank": "\n \n\r\n", "crlf": '{"text":"a"}\r\n{"text":"b"}\r\n', "no-newline": '{"text":"a"}',
        "cut": '{"text":"a"}\n{"text":', "row-list": "[1,2]\n", "row-number": "7\n", "mixed": '{"text":"a"}\n{"prompt":"a"}\n',
        "no-format": '{"other":1}\n', "chat": '{"messages":[{"role":"user","content":"a"}]}\n',
        "conversation": '{"prompt":[{"role":"user","content":"a"}],"completion":"b"}\n', "null": '{"text":null}\n',
        "id-range": '{"input_ids":[300]}\n', "id-float": '{"input_ids":[1.5]}\n', "labels-short": '{"input_ids":[1,2],"labels":[1]}\n',
        "deep": '{"text":' + "[" * 100 + "]" * 100 + "}\n", "twice": '{"text":"a","text":"b"}\n', "bom": '\ufeff{"text":"a"}\n',
        "masked": '{"input_ids":[1,2],"labels":[-100,-100]}\n', "eos": '{"text":"a</s>"}\n{"text":"<s>"}\n',
        "fields": '{"text":"a","id":1,"source":"x"}\n', "long": '{"text":"' + "ab" * 200 + '"}\n', "escape": '{"text":"\\ud83d\\ude00"}\n',
    }
    for name, text in texts.items():
        yield name, text.encode()
    yield "nul", b'{"text":"a\0"}\n'
    yield "not-utf8", b'{"text":"\xff"}\n'


def tokenizer():
    bpe = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "▁": 3, "<unk>": 4}, "merges": ["a b"], "unk_token": "<unk>"}

    def file(model=None, **fields):
        return json.dumps({"model": {**bpe, **(model or {})}, **fields}, ensure_ascii=False).encode()

    def added(id_, content, **flags):
        return {"id": id_, "content": content, "special": True, **flags}
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    digits = {"type": "Digits", "individual_digits": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True}
    yield "plain", file()
    yield "merge-lists", file({"merges": [["a", "b"]]})
    yield "pieces", file(
        {"fuse_unk": True, "byte_fallback": True, "vocab": {**bpe["vocab"], **{f"<0x{i:02X}>": 5 + i for i in range(256)}}},
        normalizer={"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replace]},
        decoder={"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                                                  {"type": "ByteFallback"}, {"type": "Fuse"},
                                                  {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})
    yield "bytes", file({"ignore_merges": True}, decoder={"type": "ByteLevel"},
                        pre_tokenizer={"type": "Sequence", "pretokenizers": [digits, byte_level]})
    yield "added", file(added_tokens=[added(5, "<s>"), added(6, "</s>", lstrip=True, rstrip=True),
                                      added(7, "it", single_word=True, normalized=True, special=False)],
                        post_processor={"type": "TemplateProcessing",
                                        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                                                   {"Sequence": {"id": "A", "type_id": 0}}],
                                        "special_tokens": {"<s>": {"id": "<s>", "ids": [5], "tokens": ["<s>"]}}})
    yield "bytes-overtake", file({"fuse_unk": True, "byte_fallback": True,
                                  "vocab": {"a": 0, "<unk>": 1, "<0xC3>": 2, "<0xA9>": 3, "<0x20>": 4}, "merges": []})
    yield "metaspace", file(pre_tokenizer={"type": "Metaspace", "replacement": "▁"})
    yield "split-regex", file(pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a+)+"}, "behavior": "Isolated"})
    yield "cut", file()[:60]
    yield "bom", b"\xef\xbb\xbf" + file()
    yield "id-twice", file({"vocab": {"a": 0, "b": 0}})
    yield "id-gap", file({"vocab": {"a": 0, "b": 9}})
    yield "id-negative", file({"vocab": {"a": -1}})
    yield "merge-absent", file({"merges": ["a c"]})
    yield "merge-too-long", file({"merges": ["ab b"]})
    yield "merge-self", file({"vocab": {"": 0}, "merges": [" "]})
    yield "merge-three", file({"merges": ["a b c"]})
    pieces = [["<unk>", 0.0], ["a", -1.5], ["b", -2.0], ["ab", -2.5], ["▁", -3.0], ["▁a", -1e300]]

    def unigram(vocab=pieces, unk_id=0, **fields):
        return json.dumps({"model": {"type": "Unigram", "unk_id": unk_id, "vocab": vocab}, **fields}, ensure_ascii=False).encode()

    def regex(text):
        return {"Regex": text}
    yield "unigram-no-scores", file({"type": "Unigram"})
    yield "unigram", unigram(normalizer={"type": "Replace", "pattern": regex("(?<!\\n)^"), "content": "▁"},
                             decoder={"type": "Replace", "pattern": regex("(?<!\\n)^ "), "content": ""})
    yield "unigram-bytes", json.dumps({"model": {"type": "Unigram", "unk_id": 0, "byte_fallback": True, "vocab": pieces + [
        [f"<0x{i:02X}>", -20] for i in range(256)]}}, ensure_ascii=False).encode()
    yield "unigram-without-unknown", unigram(unk_id=None)
    yield "unigram-infinite", unigram([["a", 1e308], ["aa", 1e308]])
    yield "word-piece", json.dumps({"model": {"type": "WordPiece", "unk_token": "[UNK]", "max_input_chars_per_word": 9,
                                              "vocab": {"[UNK]": 0, "a": 1, "##b": 2, "ab": 3}},
                                    "pre_tokenizer": {"type": "WhitespaceSplit"},
                                    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True}}).encode()
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield form, file(normalizer={"type": "Sequence", "normalizers": [{"type": form}, {"type": "Strip", "strip_left": True}]})
    for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        yield f"split-{behavior}", file(pre_tokenizer={"type": "Split", "pattern": regex("[ab]|(?=b)|\\s*"), "behavior": behavior})
    yield "llama3", file({"ignore_merges": True}, decoder={"type": "ByteLevel"}, pre_tokenizer={"type": "Sequence", "pretokenizers": [
        {"type": "Split", "behavior": "Isolated", "pattern": regex(
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+")},
        {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}]})
    yield "regex-classes", file(pre_tokenizer={"type": "Split", "pattern": regex("\\bx|[^\\p{Lu}\\d]\\P{M}"), "behavior": "Isolated"})
    yield "metaspace-first", file(pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False},
                                  decoder={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"})
    yield "added-empty", file(added_tokens=[added(5, "")])
    yield "added-gap", file(added_tokens=[added(9, "<s>")])
    yield "post-outside", file(post_processor={"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}],
                                               "special_tokens": {"<s>": {"ids": [99]}}})
    yield "strip-huge", file(decoder={"type": "Strip", "content": "a", "start": 1 << 40, "stop": 0})
    yield "nested", file(normalizer={"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": []}]})


def tokenizer_config():
    texts = {
        "plain": {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True, "add_eos_token": False},
        "objects": {"eos_token": {"content": "</s>", "special": True}}, "null": {"bos_token": None}, "empty": {},
        "absent": {"eos_token": "<end>"}, "number": {"eos_token": 7}, "object-empty": {"eos_token": {}},
        "longest": {"model_max_length": 1000000000000000019884624838656},
        "template": {"chat_template": "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}", "eos_token": "</s>"},
        "templates": {"chat_template": [{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}]},
        "template-broken": {"chat_template": "{% if %}"}, "template-number": {"chat_template": 7},
        "template-unnamed": {"chat_template": [{"template": "a"}]}, "flag-text": {"add_bos_token": "yes"},
    }
    for name, one in texts.items():
        yield name, json.dumps(one).encode()
    yield "list", b"[]"


def template():
    cases = json.loads((GOLDEN / "templates/cases.json").read_text())["cases"]
    for i, case in enumerate(cases[::9]):
        yield f"case-{i:02}", case["template"].encode()
    texts = {
        "chat": "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[{{ m['content'] | trim }}]"
                "{% else %}{% generation %}{{ m.content }}{% endgeneration %}{% endif %}{{ loop.index }}{% endfor %}"
                "{% if add_generation_prompt %}>{% endif %}",
        "unclosed": "{% for a in l %}", "unknown": "{{ n | nothing }}", "parentheses": "{{ " + "(" * 200 + "1" + ")" * 200 + " }}",
        "ifs": "{% if 1 %}" * 200 + "{% endif %}" * 200, "macro": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
        "range": "{% for i in range(10**9) %}{% endfor %}", "loops": "{% for i in range(999) %}{% for j in range(9) %}{% endfor %}{% endfor %}",
        "times": '{{ "a" * 10**9 }}', "class": "{{ n.__class__ }}", "import": '{% import "x" as y %}', "include": '{% include "/etc/passwd" %}',
        "namespace": '{% set ns = namespace(a="b") %}{% for i in range(30) %}{% set ns.a = ns.a + ns.a %}{% endfor %}',
        "raise": '{{ raise_exception("no") }}', "format": '{{ "%5.2f %s %d" % (x, l, n) }}', "format-wide": '{{ "%999999999d" % n }}',
        "tojson": "{{ messages | tojson(indent=2) }}", "slices": "{{ l[::-1] }}{{ l[9:] }}{{ 'abc'[-2:] }}", "strftime": '{{ strftime_now("%Y") }}',
        "sort": "{{ l | sort(reverse=true) | join(',') }}", "recursive": "{% for a in l recursive %}{{ loop(l) }}{% endfor %}",
    }
    for name, text in texts.items():
        yield name, text.encode()


def manifest():
    """Texts to which the target itself puts the hash, so that they end before it."""
    facts = {"step": 3, "tokens_per_microbatch": 64, "settings": {"lora_r": "8", "learning_rate": "0.1"},
             "config": {"rope_theta": "10000.0"}, "inputs": {"model": "0123456789abcdef"}}
    files = {"model.safetensors": {"bytes": 5 << 20, "xxh3": ["0123456789abcdef", "fedcba9876543210"]},
             "empty": {"bytes": 0, "xxh3": []}}

    def text(**members):
        whole = {"format": 1, "facts": facts, "files": files, **members}
        return json.dumps({k: v for k, v in whole.items() if v is not None}, indent=2)[:-2].encode()
    yield "good", text()
    yield "other-settings", text(facts={**facts, "settings": {"lora_r": "16", "other": "x"}})
    yield "other-config", text(facts={**facts, "config": {"rope_theta": "77"}})
    yield "other-input", text(facts={**facts, "inputs": {"model": "x", "rows": "y"}})
    yield "no-facts", text(facts=None)
    yield "facts-list", text(facts=[])
    yield "facts-empty", text(facts={})
    yield "settings-list", text(facts={**facts, "settings": [1]})
    yield "tokens-negative", text(facts={**facts, "tokens_per_microbatch": -1})
    yield "newer", text(format=2)
    yield "format-text", text(format="1")
    yield "no-files", text(files=None)
    yield "file-outside", text(files={"../x": {"bytes": 0, "xxh3": []}})
    yield "itself", text(files={"manifest.json": {"bytes": 0, "xxh3": []}})
    yield "hash-short", text(files={"x": {"bytes": 1, "xxh3": ["0"]}})
    yield "hashes-few", text(files={"x": {"bytes": 5 << 20, "xxh3": ["0123456789abcdef"]}})
    yield "bytes-huge", text(files={"x": {"bytes": 2**63 - 1, "xxh3": []}})
    yield "bytes-negative", text(files={"x": {"bytes": -1, "xxh3": []}})
    yield "closed", text() + b"\n}\n"
    yield "empty", b""


def run_state():
    state = {"global_step": 3, "num_input_tokens_seen": 100, "skipped_steps": 0, "skipped_in_a_row": 0, "best_global_step": 2,
             "best_metric": 1.5, "evaluations_without_gain": 1, "best_checkpoint_step": None, "best_checkpoint_metric": 0.0,
             "metrics_bytes": 200}
    pending = {"step": 3, "epoch": 0.5, "loss": 1.5, "grad_norm": 2.0, "learning_rate": 0.1, "num_tokens": 100}

    def text(**members):
        whole = {**state, **members}
        return json.dumps({k: v for k, v in whole.items() if v != "absent"}, indent=2).encode()
    yield "good", text()
    yield "pending", text(pending=pending)
    yield "pending-list", text(pending=[1])
    yield "pending-text", text(pending={**pending, "loss": "x"})
    yield "absent", text(global_step="absent")
    yield "negative", text(skipped_steps=-1)
    yield "float", text(global_step=1.5)
    yield "huge", text(num_input_tokens_seen=2**63 - 1)
    yield "beyond", text(metrics_bytes=2**64)
    yield "infinite", text(best_metric="x").replace(b'"x"', b"1e999")
    yield "null", text(best_metric=None)
    yield "list", b"[]"
    yield "cut", text()[:80]


TARGETS = (adapter_config, config, gguf, gguf_model, index, jsonl, manifest, run_file, run_state, safetensors, template,
           tokenizer, tokenizer_config)


def main():
    for target in TARGETS:
        folder = HERE / "corpus" / target.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if not old.name.startswith("found-"):
                old.unlink()
        for name, data in target():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
