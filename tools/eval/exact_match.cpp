#include "tools/eval/exact_match.h"

#include <algorithm>

#include "engine/train/batch.h"
#include "tools/generate/prompts_progress.h"

namespace llmft {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n", kUnfinished = "\uFFFD";

// White space at the end of a beginning may turn out to be the end of all, and a character may lack bytes.
bool can_become(std::span<const int32_t> ids, const std::string& wanted, const Tokenizer& tokenizer) {
    std::string_view made;
    const std::string text = answer_text(ids, tokenizer);
    for (made = text; made.ends_with(kUnfinished);) made.remove_suffix(kUnfinished.size());
    return wanted.starts_with(made);
}

}   // namespace

std::string answer_text(std::span<const int32_t> ids, const Tokenizer& tokenizer) {
    const std::string text = tokenizer.decode(ids, SkipSpecialTokens::kYes);
    const size_t begin = text.find_first_not_of(kWhiteSpace);
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kWhiteSpace) + 1 - begin);
}

std::optional<Question> question_of(const Example& row, const Tokenizer& tokenizer) {
    const std::vector<int32_t>& labels = row.labels;
    size_t end = labels.size();
    while (end > 0 && labels[end - 1] == kNoLoss) --end;
    size_t begin = end;
    while (begin > 0 && labels[begin - 1] != kNoLoss) --begin;
    if (begin == 0) return std::nullopt;
    const auto ids = std::span(row.ids);
    return Question{.prompt = {ids.begin(), ids.begin() + static_cast<ptrdiff_t>(begin)},
                    .wanted = answer_text(ids.subspan(begin, end - begin), tokenizer)};
}

std::vector<std::optional<Answer>> answer_questions(const std::vector<std::optional<Question>>& questions,
                                                    const AnswerOptions& options, const Tokenizer& tokenizer,
                                                    const Decoder& model, DecodeSlots& slots, Run& run) {
    std::vector<DecodePrompt> prompts;
    std::vector<size_t> row_of;
    for (size_t i = 0; i < questions.size(); ++i)
        if (questions[i]) {
            prompts.push_back({.ids = questions[i]->prompt});
            row_of.push_back(i);
        }
    PromptsProgress progress(prompts.size());
    DecodeEvents events = {.on_token = [&](size_t, int32_t) { progress.token(); },
                           .on_end = [&](size_t) { progress.end(); }};
    if (options.texts == AnswerOptions::Texts::kTillItDiffers)
        events.is_enough = [&](size_t prompt, std::span<const int32_t> ids) {
            return !can_become(ids, questions[row_of[prompt]]->wanted, tokenizer);
        };
    const GenerationOptions generation = {.max_new_tokens = options.max_new_tokens, .stop_ids = options.stop_ids};
    const std::vector<Decoded> decoded = generate(model, slots, prompts, generation, events, run);
    std::vector<std::optional<Answer>> answers(questions.size());
    for (size_t i = 0; i < decoded.size(); ++i) {
        const std::string text = answer_text(decoded[i].ids, tokenizer);
        answers[row_of[i]] = {.text = text, .exact = text == questions[row_of[i]]->wanted};
    }
    return answers;
}

}   // namespace llmft
