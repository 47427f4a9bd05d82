// Tokenizers small enough to read: their files, for tests to load or to break.
#pragma once

#include <string>

#include "engine/io/json.h"
#include "tests/harness/temp_folder.h"

namespace llmft::test {

// Bytes 0 to 255 as <0xHH> (ids 3 to 258) after <unk>, <s>, </s>, then "▁", a, b, c, "ab", "▁a", "▁ab", "abc".
inline Json sentencepiece_json() {
    Json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
    for (int byte = 0; byte < 256; ++byte) {
        const char* hex = "0123456789ABCDEF";
        vocab[std::string("<0x") + hex[byte / 16] + hex[byte % 16] + ">"] = 3 + byte;
    }
    int id = 259;
    for (const char* token : {"▁", "a", "b", "c", "ab", "▁a", "▁ab", "abc"}) vocab[token] = id++;
    Json added = Json::array();
    for (const char* token : {"<unk>", "<s>", "</s>"})
        added.push_back({{"id", vocab[token]},
                         {"content", token},
                         {"single_word", false},
                         {"lstrip", false},
                         {"rstrip", false},
                         {"normalized", false},
                         {"special", true}});
    const auto replace = [](const char* from, const char* to) {
        return Json{{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
    };
    return {{"version", "1.0"},
            {"added_tokens", added},
            {"normalizer",
             {{"type", "Sequence"}, {"normalizers", {{{"type", "Prepend"}, {"prepend", "▁"}}, replace(" ", "▁")}}}},
            {"pre_tokenizer", nullptr},
            {"post_processor",
             {{"type", "TemplateProcessing"},
              {"single",
               {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
              {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}}}}}},
            {"decoder",
             {{"type", "Sequence"},
              {"decoders",
               {replace("▁", " "),
                {{"type", "ByteFallback"}},
                {{"type", "Fuse"}},
                {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
            {"model",
             {{"type", "BPE"},
              {"unk_token", "<unk>"},
              {"fuse_unk", true},
              {"byte_fallback", true},
              {"vocab", vocab},
              {"merges", {"a b", "▁ ab", "▁ a", "ab c"}}}}};
}

inline Json config_json() {
    return {{"bos_token", "<s>"}, {"eos_token", {{"content", "</s>"}}}, {"pad_token", nullptr}};
}

// A folder with these two files.
class TokenizerFolder : public TempFolder {
public:
    explicit TokenizerFolder(const Json& tokenizer = sentencepiece_json(), const Json& config = config_json()) {
        write("tokenizer.json", tokenizer.dump());
        write("tokenizer_config.json", config.dump());
    }
};

}   // namespace llmft::test
