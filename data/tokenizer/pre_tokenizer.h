// tokenizer.json's pre_tokenizer: cuts a normalised piece into the pre-tokens that the model cannot cross. Read here:
// Sequence, Split, Digits, Metaspace, WhitespaceSplit, ByteLevel (last).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "data/tokenizer/split_patterns.h"
#include "data/tokenizer/text_pattern.h"
#include "data/tokenizer/traced_text.h"
#include "engine/io/json_field.h"

namespace llmft {

// What the model reads a pre-token as: its characters, or its bytes in ByteLevel's alphabet.
enum class Alphabet { kCharacters, kBytes };

struct PreToken {
    size_t begin, end;   // bytes of the text
};

// What becomes of the matches of a Split: a piece each, nothing, a part of the piece before or behind, or one piece
// with the matches beside it.
enum class SplitBehavior : uint8_t { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

class PreTokenizer {
public:
    PreTokenizer() = default;
    explicit PreTokenizer(const JsonField& component);

    Alphabet alphabet() const { return alphabet_; }
    // Replaces `out` by the pre-tokens of `piece`, which may gain or change characters (add_prefix_space, Metaspace).
    // None is empty. `first`: the piece begins the text that was given.
    void split(TracedText& piece, bool first, std::vector<PreToken>& out) const;

private:
    enum class Kind : uint8_t { kDigits, kPrefixSpace, kKnown, kPattern, kMetaspace, kWhiteSpace };
    enum class Prepend : uint8_t { kAlways, kFirst, kNever };
    struct Step {
        Kind kind;
        bool single = false;                       // kDigits: each by itself
        PieceEnd piece_end = nullptr;              // kKnown
        std::optional<TextPattern> pattern = {};   // kPattern
        bool invert = false;                       // what is between matches counts as one
        SplitBehavior behavior = SplitBehavior::kIsolated;
        std::string replacement = {};   // kMetaspace, for a space
        Prepend prepend = Prepend::kAlways;
        bool split = true;
    };
    static Step read_split(const JsonField& part);
    static Step read_metaspace(const JsonField& part);
    static void split_by(const Step& step, std::string_view text, PreToken piece, std::vector<PreToken>& out);
    static void metaspace(const Step& step, TracedText& piece, bool first, std::vector<PreToken>& out);

    std::vector<Step> steps_;
    Alphabet alphabet_ = Alphabet::kCharacters;
};

}   // namespace llmft
