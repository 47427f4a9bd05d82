// A model's small files in memory, whose texts somebody else holds.
#pragma once

#include <map>
#include <string>

#include "engine/io/model_source.h"

namespace llmft::fuzz {

class FilesInMemory final : public ModelSource {
public:
    using Files = std::map<std::string, std::string_view, std::less<>>;
    explicit FilesInMemory(Files files) : ModelSource("model"), files_(std::move(files)) {}

    void put(std::string_view file, std::string_view text) { files_.find(file)->second = text; }
    bool has(std::string_view file) const override { return files_.contains(file); }
    std::string label(std::string_view file) const override { return std::string(file); }
    std::string text(std::string_view file, int64_t) const override { return std::string(files_.find(file)->second); }
    std::unique_ptr<ModelWeights> weights() const override { return nullptr; }

private:
    Files files_;
};

// The smallest tokenizer that knows a special token.
constexpr const char* kSmallTokenizer =
    R"({"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]},)"
    R"("added_tokens":[{"id":3,"content":"</s>","special":true},{"id":4,"content":"<s>","special":true}]})";
constexpr const char* kSmallTokenizerConfig = R"({"bos_token":"<s>","eos_token":"</s>"})";

}   // namespace llmft::fuzz
