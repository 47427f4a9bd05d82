// tokenizer.json's pre_tokenizer: cuts a normalised piece into the pre-tokens that merges cannot cross. Read here:
// Sequence, Digits, ByteLevel (last).
#pragma once

#include <cstddef>
#include <vector>

#include "data/tokenizer/normalizer.h"
#include "engine/io/json_field.h"

namespace llmft {

// What the model reads a pre-token as: its characters, or its bytes in ByteLevel's alphabet.
enum class Alphabet { kCharacters, kBytes };

struct PreToken {
    size_t begin, end;   // bytes of the text
};

class PreTokenizer {
public:
    PreTokenizer() = default;
    explicit PreTokenizer(const JsonField& component);

    Alphabet alphabet() const { return alphabet_; }
    // Replaces `out` by the pre-tokens of `piece`, which may gain spaces (add_prefix_space). None is empty.
    void split(TracedText& piece, std::vector<PreToken>& out) const;

private:
    enum class Step { kDigitRuns, kSingleDigits, kPrefixSpace, kGpt2 };
    std::vector<Step> steps_;
    Alphabet alphabet_ = Alphabet::kCharacters;
};

}   // namespace llmft
