// A conversation with a person, or with lines of a file, on stdin.
#pragma once

#include "tools/generate/generator.h"

namespace llmft {

// Reads turns to the end of stdin and prints an answer to each; `json`: one object a line. The conversation so far
// stays in the cache. Lines "/clear" (begin anew) and "/adapter NAME" are obeyed.
void chat_from_stdin(Generator& generator, const ChatFormat& format, const Tokenizer& tokenizer,
                     const GenerateOptions& options, const GenerationOptions& generation);

// {"text", "ids", "finish_reason"}; the text without special tokens.
OrderedJson answer_json(const Decoded& decoded, const Tokenizer& tokenizer);

}   // namespace llmft
