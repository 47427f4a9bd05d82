// {"input_ids": [...], "labels": [...]}: tokens as they are; labels optional, unshifted, −100 where nothing is learned.
#include <fmt/format.h>

#include "data/formats/format.h"
#include "engine/train/batch.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

class TokensFormat : public RowFormatReader {
public:
    TokensFormat(const RowContext& context, const DataOptions& options) : context_(context) {
        if (options.completion_only_loss == "true")
            throw UserError("VALUE", "--completion-only-loss", "", "is true, but the rows are tokens",
                            "mask them by labels of -100");
    }

    TokenizedRow read(const JsonField& row) const override {
        TokenizedRow out;
        out.ids = numbers(row.at("input_ids"), 0);
        out.labels = out.ids;
        if (const auto labels = row.find("labels")) {
            out.labels = numbers(*labels, kNoLoss);
            if (out.labels.size() != out.ids.size())
                labels->refuse("SHAPE", fmt::format("{} labels for {} input_ids", out.labels.size(), out.ids.size()),
                               "give a label for each token, -100 where nothing is learned");
        }
        if (context_.tokenizer != nullptr) out.text = context_.tokenizer->decode(out.ids, SkipSpecialTokens::kNo);
        return out;
    }

    std::vector<std::string> fields() const override { return {"input_ids", "labels"}; }
    std::string describe() const override { return "tokens rows, learned where labels say so, nothing appended"; }

private:
    // Ids below the vocabulary's size, or `besides`.
    std::vector<int32_t> numbers(const JsonField& list, int64_t besides) const {
        const Json& json = list.json();
        if (!json.is_array())
            list.refuse("SCHEMA", fmt::format("is {}, wanted an array of integers", json.type_name()),
                        "write [1, 2, 3]");
        std::vector<int32_t> ids;
        ids.reserve(json.size());
        for (size_t i = 0; i < json.size(); ++i) {
            const Json& item = json[i];
            const auto refuse = [&](const char* kind, const std::string& what) {
                list.refuse(kind,
                            fmt::format("[{}] is {}: {}", i, item.is_number() ? item.dump() : item.type_name(), what),
                            "use the ids of this model's tokenizer");
            };
            if (!item.is_number_integer()) refuse("SCHEMA", "wanted an integer");
            const auto id = item.get<int64_t>();
            if ((id < 0 || id >= context_.vocab_size) && id != besides)
                refuse("RANGE", fmt::format("the vocabulary has {} tokens", context_.vocab_size));
            ids.push_back(static_cast<int32_t>(id));
        }
        return ids;
    }

    RowContext context_;
};

}   // namespace

std::unique_ptr<RowFormatReader> make_tokens_format(const RowContext& context, const DataOptions& options) {
    return std::make_unique<TokensFormat>(context, options);
}

}   // namespace llmft
