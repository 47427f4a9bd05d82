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

// Where a match's groups are: begin and end of each.
class Pattern::Found {
public:
    explicit Found(const Code& code) : data_(pcre2_match_data_create_from_pattern(code.code, nullptr)) {
        if (!data_) throw std::bad_alloc();
    }
    pcre2_match_data* data() const { return data_.get(); }
    size_t begin(int group) const { return pcre2_get_ovector_pointer(data_.get())[2 * group]; }
    size_t end(int group) const { return pcre2_get_ovector_pointer(data_.get())[2 * group + 1]; }

private:
    struct Free {
        void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
    };
    std::unique_ptr<pcre2_match_data, Free> data_;
};

Pattern::Pattern(std::string_view expression, const std::string& file, const std::string& field)
    : expression_(expression), file_(file), field_(field) {
    compile(expression, PCRE2_UTF);
}

Pattern Pattern::for_search(std::string_view expression, std::string_view rewritten, const std::string& file,
                            const std::string& field) {
    Pattern pattern;
    pattern.expression_ = expression;
    pattern.file_ = file;
    pattern.field_ = field;
    pattern.compile(rewritten, PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NO_UTF_CHECK);
    pcre2_jit_compile(pattern.code_->code, PCRE2_JIT_COMPLETE);   // where it fails the interpreter matches
    return pattern;
}

void Pattern::compile(std::string_view text, uint32_t options) {
    if (expression_.size() > kMaxBytes)
        throw UserError("RANGE", file_, field_, fmt::format("a pattern of {} bytes", expression_.size()),
                        fmt::format("use at most {}", kMaxBytes));
    int error = 0;
    size_t offset = 0;
    auto code = std::make_shared<Code>();
    code->code =
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), options, &error, &offset, nullptr);
    if (code->code == nullptr) {
        unsigned char said[160] = {};
        pcre2_get_error_message(error, said, sizeof(said));
        const std::string place = text == expression_ ? fmt::format(" at byte {}", offset) : "";
        throw UserError("SYNTAX", file_, field_,
                        fmt::format("{}: {}{}", in_quotes(expression_), reinterpret_cast<char*>(said), place),
                        "write a regular expression as Python's re takes it");
    }
    code->context = pcre2_match_context_create(nullptr);
    if (code->context == nullptr) throw std::bad_alloc();
    pcre2_set_match_limit(code->context, kMostSteps);
    pcre2_set_heap_limit(code->context, kMostHeapKib);
    code_ = std::move(code);
}

bool Pattern::match(std::string_view text, size_t from, uint32_t options, Found& found) const {
    const auto run = [&](uint32_t how) {
        return pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, how, found.data(),
                           code_->context);
    };
    int count = run(options);
    if (count == PCRE2_ERROR_JIT_STACKLIMIT) count = run(options | PCRE2_NO_JIT);
    if (count < 0 && count != PCRE2_ERROR_NOMATCH)
        throw UserError("LIMIT", file_, field_,
                        fmt::format("{} takes too many steps on {}", in_quotes(expression_), in_quotes(text)),
                        "write a simpler pattern");
    return count > 0;
}

bool Pattern::full_match(std::string_view text) const {
    Found found(*code_);
    return match(text, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED, found);
}

std::string_view Pattern::group_at_start(std::string_view text) const {
    Found found(*code_);
    if (!match(text, 0, PCRE2_ANCHORED, found)) return {};
    const bool taken = pcre2_get_ovector_count(found.data()) > 1 && found.begin(1) != PCRE2_UNSET;
    return taken ? text.substr(found.begin(1), found.end(1) - found.begin(1)) : std::string_view();
}

void Pattern::find_all(std::string_view text, const std::function<void(size_t, size_t)>& take) const {
    Found found(*code_);
    size_t last = std::string_view::npos;   // where the match before ended
    for (size_t from = 0; from <= text.size() && match(text, from, PCRE2_NO_UTF_CHECK, found);) {
        const size_t begin = found.begin(0), end = found.end(0);
        const bool again = begin == end && end == last;
        if (!again) take(begin, end);
        from = last = end;
        if (!again) continue;
        do ++from;   // over one character
        while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xc0) == 0x80);
    }
}

}   // namespace llmft
