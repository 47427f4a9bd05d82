#include "data/tokenizer/pre_tokenizer.h"

#include <algorithm>

#include "data/tokenizer/component.h"
#include "data/unicode/classes.h"
#include "data/unicode/utf8.h"

namespace llmft {
namespace {

// Cuts before and after numeric characters: each by itself, or their runs.
void split_digits(std::string_view text, PreToken piece, bool single, std::vector<PreToken>& out) {
    size_t begin = piece.begin;
    bool numeric_run = false;
    for (size_t at = piece.begin; at < piece.end;) {
        const unicode::CodePoint point = unicode::decode_utf8(text, at);
        const bool numeric = unicode::classes_of(point.value) & unicode::kNumeric;
        if (at > begin && (numeric != numeric_run || (numeric && single))) {
            out.push_back({begin, at});
            begin = at;
        }
        numeric_run = numeric;
        at += point.bytes;
    }
    if (begin < piece.end) out.push_back({begin, piece.end});
}

void split_white_space(std::string_view text, PreToken piece, std::vector<PreToken>& out) {
    size_t begin = piece.begin;
    for (size_t at = piece.begin; at < piece.end;) {
        const unicode::CodePoint point = unicode::decode_utf8(text, at);
        if (unicode::classes_of(point.value) & unicode::kSpace) {
            if (begin < at) out.push_back({begin, at});
            begin = at + point.bytes;
        }
        at += point.bytes;
    }
    if (begin < piece.end) out.push_back({begin, piece.end});
}

// Changes each pre-token by itself: `change(part, its begin)`. What lay between them is gone.
template <class Change>
void change_each(TracedText& piece, std::vector<PreToken>& out, const Change& change) {
    TracedText changed;
    for (PreToken& one : out) {
        TracedText part = piece.part(one.begin, one.end);
        change(part, one.begin);
        one = {changed.text.size(), changed.text.size() + part.text.size()};
        changed.text += part.text;
        changed.from.insert(changed.from.end(), part.from.begin(), part.from.end());
    }
    piece = std::move(changed);
}

// Whether a stretch of text, a match or not, goes into the piece of the one before it.
bool joins(SplitBehavior behavior, bool match_before, bool match) {
    switch (behavior) {
        case SplitBehavior::kIsolated:
        case SplitBehavior::kRemoved: break;
        case SplitBehavior::kContiguous: return match_before == match;
        case SplitBehavior::kMergedWithPrevious: return match && !match_before;
        case SplitBehavior::kMergedWithNext: return match_before && !match;
    }
    return false;
}

SplitBehavior behavior_of(const JsonField& field) {
    const std::string name = field.text();
    if (name == "Isolated") return SplitBehavior::kIsolated;
    if (name == "Removed") return SplitBehavior::kRemoved;
    if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
    if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
    if (name != "Contiguous") field.refuse("VALUE", "is no behaviour of a Split", "fetch the file again");
    return SplitBehavior::kContiguous;
}

}   // namespace

PreTokenizer::Step PreTokenizer::read_split(const JsonField& part) {
    Step step = {.kind = Kind::kPattern};
    step.pattern.emplace(part);
    step.behavior = behavior_of(part.at("behavior"));
    step.invert = part.flag_or("invert", false);
    // A known one leaves no gap, so that its matches are the pieces either way.
    const bool matches_are_pieces = step.behavior == (step.invert ? SplitBehavior::kRemoved : SplitBehavior::kIsolated);
    step.piece_end = known_split(step.pattern->expression());
    if (step.piece_end != nullptr && matches_are_pieces) step.kind = Kind::kKnown;
    return step;
}

PreTokenizer::Step PreTokenizer::read_metaspace(const JsonField& part) {
    Step step = {.kind = Kind::kMetaspace};
    step.replacement = one_character(part.at("replacement"));
    const auto scheme = part.find("prepend_scheme");   // files of old have add_prefix_space
    const std::string name = scheme ? scheme->text() : part.flag_or("add_prefix_space", true) ? "always" : "never";
    if (name != "always" && name != "first" && name != "never")
        scheme->refuse("VALUE", "is no prepend_scheme", "use always, first or never");
    step.prepend = name == "always" ? Prepend::kAlways : name == "first" ? Prepend::kFirst : Prepend::kNever;
    step.split = part.flag_or("split", true);
    return step;
}

PreTokenizer::PreTokenizer(const JsonField& component) {
    for (const JsonField& part : flatten_sequence(component, "pretokenizers")) {
        if (alphabet_ == Alphabet::kBytes)
            part.refuse("SCHEMA", "a pre-tokenizer after ByteLevel is not supported", "put ByteLevel last");
        const std::string type = part.at("type").text();
        if (type == "Digits") {
            steps_.push_back({.kind = Kind::kDigits, .single = part.flag_or("individual_digits", false)});
        } else if (type == "Split") {
            steps_.push_back(read_split(part));
        } else if (type == "Metaspace") {
            steps_.push_back(read_metaspace(part));
        } else if (type == "WhitespaceSplit") {
            steps_.push_back({.kind = Kind::kWhiteSpace});
        } else if (type == "ByteLevel") {
            alphabet_ = Alphabet::kBytes;
            if (part.flag_or("add_prefix_space", true)) steps_.push_back({.kind = Kind::kPrefixSpace});
            if (part.flag_or("use_regex", true)) steps_.push_back({.kind = Kind::kKnown, .piece_end = gpt2_piece_end});
        } else {
            refuse_component(part, "pre-tokenizer");
        }
    }
}

void PreTokenizer::split_by(const Step& step, std::string_view text, PreToken piece, std::vector<PreToken>& out) {
    const std::string_view inside = text.substr(piece.begin, piece.end - piece.begin);
    std::vector<TracedText::Edit> matches;
    step.pattern->find_all(inside, matches);
    const size_t first = out.size();
    bool match_before = false;
    const auto add = [&](size_t begin, size_t end, bool match) {
        const bool join = out.size() > first && joins(step.behavior, match_before, match);
        match_before = match;
        if (step.behavior == SplitBehavior::kRemoved && match) return;
        if (join)
            out.back().end = piece.begin + end;
        else
            out.push_back({piece.begin + begin, piece.begin + end});
    };
    size_t done = 0;
    for (const TracedText::Edit& match : matches) {
        if (done < match.begin) add(done, match.begin, step.invert);
        add(match.begin, match.end, !step.invert);
        done = match.end;
    }
    if (done < inside.size()) add(done, inside.size(), step.invert);
    const auto empty = [](const PreToken& one) { return one.begin == one.end; };
    out.erase(std::remove_if(out.begin() + static_cast<int64_t>(first), out.end(), empty), out.end());
}

void PreTokenizer::metaspace(const Step& step, TracedText& piece, bool first, std::vector<PreToken>& out) {
    change_each(piece, out, [&](TracedText& part, size_t begin) {
        std::vector<TracedText::Edit> spaces;
        for (size_t at = part.text.find(' '); at != std::string::npos; at = part.text.find(' ', at + 1))
            spaces.push_back({at, at + 1});
        part.replace(spaces, step.replacement);
        const bool wanted =
            step.prepend == Prepend::kAlways || (step.prepend == Prepend::kFirst && first && begin == 0);
        if (wanted && !part.text.starts_with(step.replacement)) part.prepend(step.replacement);
    });
    if (!step.split) return;
    std::vector<PreToken> cut;
    for (const PreToken& one : out) {
        size_t begin = one.begin;
        for (size_t at = piece.text.find(step.replacement, begin + 1); at < one.end;
             at = piece.text.find(step.replacement, at + 1)) {
            cut.push_back({begin, at});
            begin = at;
        }
        cut.push_back({begin, one.end});
    }
    out.swap(cut);
}

void PreTokenizer::split(TracedText& piece, bool first, std::vector<PreToken>& out) const {
    out.clear();
    if (!piece.text.empty()) out.push_back({0, piece.text.size()});
    std::vector<PreToken> next;
    for (const Step& step : steps_) {
        if (step.kind == Kind::kMetaspace) {
            metaspace(step, piece, first, out);
            continue;
        }
        if (step.kind == Kind::kPrefixSpace) {
            change_each(piece, out, [](TracedText& part, size_t) {
                if (!part.text.starts_with(' ')) part.prepend(" ");
            });
            continue;
        }
        next.clear();
        for (const PreToken& one : out) {
            if (step.kind == Kind::kKnown) {
                const std::string_view text(piece.text.data(), one.end);
                for (size_t at = one.begin; at < one.end; at = next.back().end)
                    next.push_back({at, step.piece_end(text, at)});
            } else if (step.kind == Kind::kPattern) {
                split_by(step, piece.text, one, next);
            } else if (step.kind == Kind::kWhiteSpace) {
                split_white_space(piece.text, one, next);
            } else {
                split_digits(piece.text, one, step.single, next);
            }
        }
        out.swap(next);
    }
}

}   // namespace llmft
