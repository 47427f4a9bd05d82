// tokenizer.json's normalizer: what is done to a piece of text before it is split. Read here: Sequence, Prepend,
// Replace of a literal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/io/json_field.h"

namespace llmft {

// Text that remembers where its bytes came from: origin[i] is the source offset of byte i, origin[size] the source's
// end. An inserted character sits at the place before which it stands. `origin` may be empty: nobody asks then.
struct TracedText {
    std::string text;
    std::vector<uint32_t> origin;

    // Text of its own source.
    static TracedText plain(std::string text, bool traced);
    // `content` instead of the `bytes` bytes at `at`, each time in increasing order of `at`.
    struct Edit {
        size_t at, bytes;
    };
    void replace(const std::vector<Edit>& edits, std::string_view content);
};

class Normalizer {
public:
    Normalizer() = default;
    explicit Normalizer(const JsonField& component);
    void apply(TracedText& piece) const;

private:
    struct Step {
        std::string pattern;   // empty: prepend
        std::string content;
    };
    std::vector<Step> steps_;
};

}   // namespace llmft
