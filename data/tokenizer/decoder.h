// tokenizer.json's decoder: token strings back to text. Read here: Sequence, ByteLevel, Replace of a literal,
// ByteFallback, Fuse, Strip.
#pragma once

#include <string>
#include <vector>

#include "engine/io/json_field.h"

namespace llmft {

class TokenDecoder {
public:
    TokenDecoder() = default;
    explicit TokenDecoder(const JsonField& component);

    // The text of `tokens`; without any step they are joined by spaces.
    std::string decode(std::vector<std::string> tokens) const;

private:
    enum class Kind { kByteLevel, kReplace, kByteFallback, kFuse, kStrip };
    struct Step {
        Kind kind;
        std::string pattern, content;   // kReplace; kStrip: the character to strip is `content`
        size_t start = 0, stop = 0;     // kStrip: at most so many at either end
    };
    static Step read_step(const JsonField& part);
    static void apply(const Step& step, std::vector<std::string>& tokens);
    std::vector<Step> steps_;
    bool present_ = false;
};

}   // namespace llmft
