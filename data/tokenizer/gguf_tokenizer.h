// The tokenizer in a GGUF file's metadata ("tokenizer.ggml.…", ggml docs/gguf.md), written as the files of a Hugging
// Face folder. Which pre-tokenizer a name in tokenizer.ggml.pre stands for: llama.cpp, src/llama-vocab.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/gguf.h"

namespace llmft {

// tokenizer.json: byte-level BPE for the model "gpt2", SentencePiece's BPE for "llama". Other models and names are
// refused (SCHEMA); a tokenizer.huggingface.json in the file is taken as it is.
std::string gguf_tokenizer_json(const Gguf&);
// tokenizer_config.json: special tokens, whether texts begin and end with one, and the longest text.
std::string gguf_tokenizer_config(const Gguf&);
// chat_template.jinja, or nothing.
std::string_view gguf_chat_template(const Gguf&);

// What one token of SentencePiece's BPE is made of.
struct ScoredMerge {
    uint32_t left, right;   // ids
};
// The merges of scored pieces, in the order of transformers' converter of SentencePiece models
// (convert_slow_tokenizer.py, generate_merges): every cut of a piece into two others; the piece of the higher score
// first, then the longer left part, then the longer right one (in characters), then the piece with the lower id, then
// the parts with the lower ids. `usable`: which ids take part. UserError LIMIT, from `tokens`, where that takes too
// long.
std::vector<ScoredMerge> merges_by_score(const std::vector<std::string_view>& pieces, const std::vector<float>& scores,
                                         const std::vector<bool>& usable, const GgufValue& tokens);

}   // namespace llmft
