// tokenizer.json's post_processor: the special tokens around a text. Read here: Sequence, TemplateProcessing, ByteLevel
// (which only trims offsets).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/io/json_field.h"

namespace llmft {

class PostProcessor {
public:
    PostProcessor() = default;
    explicit PostProcessor(const JsonField& component);

    const std::vector<int32_t>& before() const { return before_; }
    const std::vector<int32_t>& after() const { return after_; }

private:
    void read_template(const JsonField& processing);
    std::vector<int32_t> before_, after_;
};

}   // namespace llmft
