// Exact match: the model continues each row's prompt, and its text either is the row's or is not. A row's last run of
// learned tokens is the wanted answer, everything before it the prompt.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "model/decode.h"

namespace llmft {

struct Question {
    std::vector<int32_t> prompt;
    std::string wanted;   // as answer_text makes it
};
// Nothing of a row without a prompt or without an answer.
std::optional<Question> question_of(const Example& row, const Tokenizer& tokenizer);

// What ids say, without special tokens and without white space around it.
std::string answer_text(std::span<const int32_t> ids, const Tokenizer& tokenizer);

struct Answer {
    std::string text;   // of answer_text
    bool exact = false;
};

struct AnswerOptions {
    int64_t max_new_tokens = 256;
    std::vector<int32_t> stop_ids;
    // kTillItDiffers: a text that can no longer become the wanted one is not continued.
    enum class Texts : uint8_t { kWhole, kTillItDiffers } texts = Texts::kTillItDiffers;
};
// Greedy answers, one for each question.
std::vector<std::optional<Answer>> answer_questions(const std::vector<std::optional<Question>>& questions,
                                                    const AnswerOptions& options, const Tokenizer& tokenizer,
                                                    const Decoder& model, DecodeSlots& slots, Run& run);

}   // namespace llmft
