// tokenizer.json's decoder: token strings back to text. Read here: Sequence, ByteLevel, Replace, ByteFallback, Fuse,
// Strip, Metaspace, WordPiece.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/tokenizer/text_pattern.h"
#include "engine/io/json_field.h"

namespace llmft {

class TokenDecoder {
public:
    TokenDecoder() = default;
    explicit TokenDecoder(const JsonField& component);

    // The text of `tokens`; without any step they are joined by spaces.
    std::string decode(std::vector<std::string> tokens) const;

private:
    enum class Kind { kByteLevel, kReplace, kByteFallback, kFuse, kStrip, kMetaspace, kWordPiece };
    struct Step {
        Kind kind;
        std::optional<TextPattern> pattern = {};   // kReplace
        std::string content = {};                  // kReplace; kStrip, kMetaspace: a character; kWordPiece: the prefix
        size_t start = 0, stop = 0;                // kStrip: at most so many at either end
        bool prepended = false;                    // kMetaspace: the first token's are not spaces
        bool clean_up = false;                     // kWordPiece
    };
    static Step read_step(const JsonField& part);
    static void apply(const Step& step, std::vector<std::string>& tokens);
    std::vector<Step> steps_;
    bool present_ = false;
};

}   // namespace llmft
