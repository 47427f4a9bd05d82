#include "data/tokenizer/pre_tokenizer.h"

#include "data/tokenizer/byte_level.h"
#include "data/tokenizer/component.h"
#include "data/unicode/classes.h"
#include "data/unicode/utf8.h"

namespace llmft {
namespace {

// Cuts before and after numeric characters: each by itself, or their runs.
template <class Emit>
void split_digits(std::string_view text, PreToken piece, bool single, const Emit& emit) {
    size_t begin = piece.begin;
    bool numeric_run = false;
    for (size_t at = piece.begin; at < piece.end;) {
        const unicode::CodePoint point = unicode::decode_utf8(text, at);
        const bool numeric = unicode::classes_of(point.value) & unicode::kNumeric;
        if (at > begin && (numeric != numeric_run || (numeric && single))) {
            emit(PreToken{begin, at});
            begin = at;
        }
        numeric_run = numeric;
        at += point.bytes;
    }
    if (begin < piece.end) emit(PreToken{begin, piece.end});
}

// A space before every piece that does not begin with one.
void prefix_spaces(TracedText& piece, std::vector<PreToken>& pieces) {
    std::vector<TracedText::Edit> edits;
    for (PreToken& one : pieces) {
        const bool lacks = piece.text[one.begin] != ' ';
        one.begin += edits.size();
        if (lacks) edits.push_back({one.begin - edits.size(), 0});
        one.end += edits.size();
    }
    piece.replace(edits, " ");
}

}   // namespace

PreTokenizer::PreTokenizer(const JsonField& component) {
    for (const JsonField& part : flatten_sequence(component, "pretokenizers")) {
        if (alphabet_ == Alphabet::kBytes)
            part.refuse("SCHEMA", "a pre-tokenizer after ByteLevel is not supported", "put ByteLevel last");
        const std::string type = part.at("type").text();
        if (type == "Digits") {
            steps_.push_back(part.flag_or("individual_digits", false) ? Step::kSingleDigits : Step::kDigitRuns);
        } else if (type == "ByteLevel") {
            alphabet_ = Alphabet::kBytes;
            if (part.flag_or("add_prefix_space", true)) steps_.push_back(Step::kPrefixSpace);
            if (part.flag_or("use_regex", true)) steps_.push_back(Step::kGpt2);
        } else {
            refuse_component(part, "pre-tokenizer");
        }
    }
}

void PreTokenizer::split(TracedText& piece, std::vector<PreToken>& out) const {
    out.clear();
    if (!piece.text.empty()) out.push_back({0, piece.text.size()});
    std::vector<PreToken> next;
    for (const Step step : steps_) {
        if (step == Step::kPrefixSpace) {
            prefix_spaces(piece, out);
            continue;
        }
        next.clear();
        const auto emit = [&](PreToken one) { next.push_back(one); };
        for (const PreToken& one : out) {
            if (step == Step::kGpt2) {
                const std::string_view text(piece.text.data(), one.end);
                for (size_t at = one.begin; at < one.end;) {
                    const size_t end = gpt2_piece_end(text, at);
                    emit({at, end});
                    at = end;
                }
            } else {
                split_digits(piece.text, one, step == Step::kSingleDigits, emit);
            }
        }
        out.swap(next);
    }
}

}   // namespace llmft
