// What `generate` is asked for: prompts as token ids.
#pragma once

#include <vector>

#include "data/chat.h"
#include "tools/generate/options.h"

namespace llmft {

struct GenerationRequest {
    std::vector<int32_t> ids;
    std::string adapter;   // empty: whichever is on
    std::string where;     // for errors: "--prompt", "FILE:3"
};

// The prompt or the file's prompts, never empty ones. `format`: null where neither --chat nor a row of messages needs
// it: then a row of messages is refused. Throws UserError at FILE:LINE.
std::vector<GenerationRequest> read_requests(const GenerateOptions& options, const Tokenizer& tokenizer,
                                             const ChatFormat* format);

// The conversation that one user's turn begins.
OrderedJson first_messages(const std::string& system, const std::string& text);

}   // namespace llmft
