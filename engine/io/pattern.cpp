#include "engine/io/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {

constexpr uint32_t kMostSteps = 1'000'000;
constexpr uint32_t kMostHeapKib = 16 << 10;

struct Pattern::Code {
    pcre2_code* code = nullptr;
    pcre2_match_context* context = nullptr;
    ~Code() {
        pcre2_code_free(code);
        pcre2_match_context_free(context);
    }
};

Pattern::Pattern(std::string_view expression, const std::string& file, const std::string& field)
    : expression_(expression), file_(file), field_(field) {
    if (expression.size() > kMaxBytes)
        throw UserError("RANGE", file, field, fmt::format("a pattern of {} bytes", expression.size()),
                        fmt::format("use at most {}", kMaxBytes));
    int error = 0;
    size_t offset = 0;
    auto code = std::make_shared<Code>();
    code->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(), PCRE2_UTF, &error,
                               &offset, nullptr);
    if (code->code == nullptr) {
        unsigned char text[160] = {};
        pcre2_get_error_message(error, text, sizeof(text));
        throw UserError("SYNTAX", file, field,
                        fmt::format("{}: {} at byte {}", in_quotes(expression), reinterpret_cast<char*>(text), offset),
                        "write a regular expression as Python's re takes it");
    }
    code->context = pcre2_match_context_create(nullptr);
    if (code->context == nullptr) throw std::bad_alloc();
    pcre2_set_match_limit(code->context, kMostSteps);
    pcre2_set_heap_limit(code->context, kMostHeapKib);
    code_ = std::move(code);
}

bool Pattern::match(std::string_view text, uint32_t options, std::string_view* group) const {
    const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(
        pcre2_match_data_create_from_pattern(code_->code, nullptr), pcre2_match_data_free);
    if (!data) throw std::bad_alloc();
    const int count = pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, options,
                                  data.get(), code_->context);
    if (count == PCRE2_ERROR_NOMATCH) return false;
    if (count < 0)
        throw UserError("LIMIT", file_, field_,
                        fmt::format("{} takes too many steps on {}", in_quotes(expression_), in_quotes(text)),
                        "write a simpler pattern");
    if (group == nullptr || count < 2) return true;
    const size_t* ends = pcre2_get_ovector_pointer(data.get());
    if (ends[2] != PCRE2_UNSET) *group = text.substr(ends[2], ends[3] - ends[2]);
    return true;
}

bool Pattern::full_match(std::string_view text) const {
    return match(text, PCRE2_ANCHORED | PCRE2_ENDANCHORED, nullptr);
}

std::string_view Pattern::group_at_start(std::string_view text) const {
    std::string_view group;
    match(text, PCRE2_ANCHORED, &group);
    return group;
}

}   // namespace llmft
