// {"prompt": string, "completion": string}: tokenised together; as many tokens as the prompt has by itself are not
// learned.
#include <fmt/format.h>

#include <algorithm>

#include "data/formats/format.h"
#include "engine/train/batch.h"

namespace llmft {
namespace {

class PromptCompletionFormat : public RowFormatReader {
public:
    PromptCompletionFormat(const RowContext& context, const DataOptions& options)
        : context_(context),
          eos_(eos_rule(context, options, true)),
          completion_only_(options.completion_only_loss != "false") {}

    TokenizedRow read(const JsonField& row) const override {
        const std::string prompt = text_of(row, "prompt");
        TokenizedRow out;
        out.text = prompt + with_eos(text_of(row, "completion"), eos_, context_);
        out.ids = context_.tokenizer->encode(out.text, AddSpecialTokens::kYes);
        out.labels = out.ids;
        out.eos_is_text = eos_became_text(out.ids, eos_, context_);
        if (!completion_only_) return out;
        const std::vector<int32_t> prompt_ids = context_.tokenizer->encode(prompt, AddSpecialTokens::kYes);
        const size_t masked = std::min(prompt_ids.size(), out.ids.size());
        std::fill_n(out.labels.begin(), masked, kNoLoss);
        out.boundary_in_token =
            masked < prompt_ids.size() || !std::equal(prompt_ids.begin(), prompt_ids.end(), out.ids.begin());
        return out;
    }

    std::vector<std::string> fields() const override { return {"prompt", "completion"}; }
    std::string describe() const override {
        return fmt::format("prompt_completion rows, {} learned, {}",
                           completion_only_ ? "the completion is" : "prompt and completion are",
                           eos_ == Eos::kAppend ? "each ends with " + context_.tokenizer->special_tokens().eos->text
                                                : "nothing appended");
    }

private:
    static std::string text_of(const JsonField& row, const char* key) {
        const JsonField field = row.at(key);
        if (field.json().is_array())
            field.refuse("SCHEMA", "is a conversation, but prompts and completions are read as strings",
                         "render it to text first");
        return field.text();
    }

    RowContext context_;
    Eos eos_;
    bool completion_only_;
};

}   // namespace

std::unique_ptr<RowFormatReader> make_prompt_completion_format(const RowContext& context, const DataOptions& options) {
    return std::make_unique<PromptCompletionFormat>(context, options);
}

}   // namespace llmft
