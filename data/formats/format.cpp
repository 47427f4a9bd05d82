#include "data/formats/format.h"

#include <algorithm>

#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr RowFormat kFormats[] = {
    {"tokens", [](const Json& row, const DataOptions&) { return row.contains("input_ids"); }, make_tokens_format},
    {"prompt_completion",
     [](const Json& row, const DataOptions&) { return row.contains("prompt") && row.contains("completion"); },
     make_prompt_completion_format},
    {"text", [](const Json& row, const DataOptions& options) { return row.contains(options.dataset_text_field); },
     make_text_format},
};

}   // namespace

std::span<const RowFormat> row_formats() {
    return kFormats;
}

const RowFormat& row_format(std::string_view name) {
    for (const RowFormat& format : kFormats)
        if (format.name == name) return format;
    throw InternalError("row_format: no format " + std::string(name));
}

const RowFormat* recognise(const Json& row, const DataOptions& options) {
    const auto found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                    [&](const RowFormat& f) { return f.recognises(row, options); });
    return found == std::end(kFormats) ? nullptr : found;
}

Eos eos_rule(const RowContext& context, const DataOptions& options, bool on_by_default) {
    if (options.append_eos == "never") return Eos::kLeave;
    const bool known = context.tokenizer->special_tokens().eos.has_value();
    if (options.append_eos == "always" && !known)
        throw UserError("MISSING", "tokenizer_config.json", "eos_token",
                        "is not there, and --append-eos always needs it", "name it there, or use --append-eos never");
    return known && (on_by_default || options.append_eos == "always") ? Eos::kAppend : Eos::kLeave;
}

std::string with_eos(std::string text, Eos rule, const RowContext& context) {
    if (rule == Eos::kLeave) return text;
    const std::string& eos = context.tokenizer->special_tokens().eos->text;
    if (!text.ends_with(eos)) text += eos;
    return text;
}

bool eos_became_text(const std::vector<int32_t>& ids, Eos rule, const RowContext& context) {
    return rule == Eos::kAppend && (ids.empty() || ids.back() != context.tokenizer->special_tokens().eos->id);
}

}   // namespace llmft
