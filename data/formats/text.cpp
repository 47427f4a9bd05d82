// {"text": string}: every token is learned.
#include <fmt/format.h>

#include "data/formats/format.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

class TextFormat : public RowFormatReader {
public:
    TextFormat(const RowContext& context, const DataOptions& options)
        : context_(context), field_(options.dataset_text_field), eos_(eos_rule(context, options, field_ == "text")) {
        if (options.completion_only_loss == "true")
            throw UserError("VALUE", "--completion-only-loss", "",
                            "is true, but the rows are text, without a completion",
                            "give rows of prompt and completion, or leave it at auto");
    }

    TokenizedRow read(const JsonField& row) const override {
        TokenizedRow out;
        out.text = with_eos(row.at(field_).text(), eos_, context_);
        out.ids = context_.tokenizer->encode(out.text, AddSpecialTokens::kYes);
        out.labels = out.ids;
        out.eos_is_text = eos_became_text(out.ids, eos_, context_);
        return out;
    }

    std::vector<std::string> fields() const override { return {field_}; }
    std::string describe() const override {
        return fmt::format("text rows (field \"{}\"), every token is learned, {}", field_,
                           eos_ == Eos::kAppend ? "each ends with " + context_.tokenizer->special_tokens().eos->text
                                                : "nothing appended");
    }

private:
    RowContext context_;
    std::string field_;
    Eos eos_;
};

}   // namespace

std::unique_ptr<RowFormatReader> make_text_format(const RowContext& context, const DataOptions& options) {
    return std::make_unique<TextFormat>(context, options);
}

}   // namespace llmft
