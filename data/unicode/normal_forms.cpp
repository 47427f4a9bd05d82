#include "data/unicode/normal_forms.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "data/unicode/classes.h"
#include "data/unicode/normal_tables.h"
#include "data/unicode/utf8.h"

namespace llmft::unicode {
namespace {

// Hangul syllables come and go by rule (Unicode 9, section 3.12).
constexpr char32_t kSyllables = 0xac00, kLeads = 0x1100, kVowels = 0x1161, kTrails = 0x11a7;
constexpr char32_t kLeadCount = 19, kVowelCount = 21, kTrailCount = 28;
constexpr char32_t kSyllableCount = kLeadCount * kVowelCount * kTrailCount;

uint64_t pair_key(char32_t first, char32_t second) {
    return uint64_t{first} << 32 | second;
}

// Each code's whole mapping, and what composes.
class Tables {
public:
    Tables() : combining_(kCombiningBreaks, kCombiningBreakCount, [](uint8_t value) { return value; }) {
        read(kCanonicalMappings, kCanonicalMappingCount, canonical_, true);
        read(kCompatibilityMappings, kCompatibilityMappingCount, compatible_, false);
        for (auto& [code, mapping] : canonical_) expand(mapping, canonical_, canonical_);
        for (auto& [code, mapping] : compatible_) expand(mapping, compatible_, canonical_);
    }

    uint8_t combining_class(char32_t code) const { return combining_[code]; }

    // Calls take(part) for each character of the code's mapping; the code itself where it has none.
    template <class Take>
    void decompose(char32_t code, bool compatible, const Take& take) const {
        if (code - kSyllables < kSyllableCount) {
            const char32_t index = code - kSyllables;
            take(kLeads + index / (kVowelCount * kTrailCount));
            take(kVowels + index % (kVowelCount * kTrailCount) / kTrailCount);
            if (index % kTrailCount != 0) take(kTrails + index % kTrailCount);
            return;
        }
        const Mapping* mapping = find(compatible_, compatible ? code : kCodes);
        if (mapping == nullptr) mapping = find(canonical_, code);
        if (mapping == nullptr) return take(code);
        // A canonical mapping's characters may be compatibility characters.
        for (const char32_t part : *mapping) {
            const Mapping* inner = compatible ? find(compatible_, part) : nullptr;
            if (inner == nullptr)
                take(part);
            else
                for (const char32_t innermost : *inner) take(innermost);
        }
    }

    std::optional<char32_t> compose(char32_t first, char32_t second) const {
        if (first - kLeads < kLeadCount && second - kVowels < kVowelCount)
            return kSyllables + ((first - kLeads) * kVowelCount + (second - kVowels)) * kTrailCount;
        const bool open_syllable = first - kSyllables < kSyllableCount && (first - kSyllables) % kTrailCount == 0;
        if (open_syllable && second - kTrails - 1 < kTrailCount - 1) return first + (second - kTrails);
        const auto found = composed_.find(pair_key(first, second));
        return found == composed_.end() ? std::nullopt : std::optional(found->second);
    }

    // Characters with a mapping, those that a composition may end with, and those that have a combining class.
    std::vector<char32_t> concerned() const {
        std::vector<char32_t> codes(seconds_.begin(), seconds_.end());
        for (const auto& [code, mapping] : canonical_) codes.push_back(code);
        for (const auto& [code, mapping] : compatible_) codes.push_back(code);
        for (char32_t jamo = kVowels; jamo < kTrails + kTrailCount; ++jamo) codes.push_back(jamo);
        for (char32_t syllable = kSyllables; syllable < kSyllables + kSyllableCount; ++syllable)
            codes.push_back(syllable);
        for (size_t i = 0; i + 1 < kCombiningBreakCount; ++i)
            if ((kCombiningBreaks[i] & 0xff) != 0)
                for (char32_t code = kCombiningBreaks[i] >> 8; code < kCombiningBreaks[i + 1] >> 8; ++code)
                    codes.push_back(code);
        return codes;
    }
    bool may_end_composition(char32_t code) const {
        return seconds_.contains(code) || (code >= kVowels && code < kTrails + kTrailCount);
    }

private:
    using Mapping = std::vector<char32_t>;
    using Mappings = std::unordered_map<char32_t, Mapping>;

    static const Mapping* find(const Mappings& mappings, char32_t code) {
        const auto found = mappings.find(code);
        return found == mappings.end() ? nullptr : &found->second;
    }

    void read(const int32_t* numbers, size_t count, Mappings& mappings, bool composing) {
        int32_t code = 0, first = 0;
        for (size_t at = 0; at < count;) {
            code += numbers[at++];
            const int32_t length = numbers[at++];
            first += numbers[at++];
            Mapping mapping = {static_cast<char32_t>(first)};
            for (int32_t i = 1; i < std::abs(length); ++i)
                mapping.push_back(mapping.back() + static_cast<char32_t>(numbers[at++]));
            if (composing && length == 2) {
                composed_.emplace(pair_key(mapping[0], mapping[1]), static_cast<char32_t>(code));
                seconds_.insert(mapping[1]);
            }
            mappings.emplace(static_cast<char32_t>(code), std::move(mapping));
        }
    }

    // Until no character of the mapping has one of its own.
    static void expand(Mapping& mapping, const Mappings& first, const Mappings& then) {
        for (size_t i = 0; i < mapping.size();) {
            const Mapping* inner = find(first, mapping[i]);
            if (inner == nullptr) inner = find(then, mapping[i]);
            if (inner == nullptr) {
                ++i;
                continue;
            }
            const Mapping parts = *inner;
            mapping.erase(mapping.begin() + static_cast<int64_t>(i));
            mapping.insert(mapping.begin() + static_cast<int64_t>(i), parts.begin(), parts.end());
        }
    }

    PageTable combining_;
    Mappings canonical_, compatible_;
    std::unordered_map<uint64_t, char32_t> composed_;
    std::unordered_set<char32_t> seconds_;   // what compositions end with
};

const Tables& tables() {
    static const Tables all;
    return all;
}

std::vector<ChangedCharacter> decomposed(std::string_view text, bool compatible) {
    std::vector<ChangedCharacter> out;
    out.reserve(text.size());
    size_t unordered = 0;   // characters from here on have a combining class, and wait for their order
    const auto order = [&] {
        std::stable_sort(out.begin() + static_cast<int64_t>(unordered), out.end(), [](const auto& a, const auto& b) {
            return tables().combining_class(a.code) < tables().combining_class(b.code);
        });
    };
    for (size_t at = 0; at < text.size();) {
        const CodePoint point = decode_utf8(text, at);
        at += point.bytes;
        int32_t change = 0;
        tables().decompose(point.value, compatible, [&](char32_t part) {
            const bool starter = tables().combining_class(part) == 0;
            if (starter && out.size() - unordered > 1) order();
            out.push_back({part, change});
            if (starter) unordered = out.size();
            change = 1;
        });
    }
    order();
    return out;
}

// In place: a character that composes with the starter before it goes into that one.
void compose(std::vector<ChangedCharacter>& text) {
    size_t kept = 0;
    std::optional<size_t> starter;   // where the last one is kept
    std::optional<uint8_t> last;     // the combining class of what is kept behind it
    for (const ChangedCharacter c : text) {
        const uint8_t combining = tables().combining_class(c.code);
        const bool reaches = starter && (!last || *last < combining);
        const auto whole = reaches ? tables().compose(text[*starter].code, c.code) : std::nullopt;
        if (whole) {
            text[*starter] = {*whole, text[*starter].change + c.change - 1};
            continue;
        }
        last = combining;
        if (combining == 0) {
            starter = kept;
            last.reset();
        }
        text[kept++] = c;
    }
    text.resize(kept);
}

bool composes(NormalForm form) {
    return form == NormalForm::kNfc || form == NormalForm::kNfkc;
}

// 1 where the form may change a text because of this character, by itself or beside others.
PageTable make_activity(NormalForm form) {
    std::vector<char32_t> codes = tables().concerned();
    std::sort(codes.begin(), codes.end());
    std::vector<uint32_t> breaks = {0};
    for (const char32_t code : codes) {
        std::string text;
        append_utf8(text, code);
        const std::vector<ChangedCharacter> changed = normal_form(text, form);
        const bool stays = changed.size() == 1 && changed[0].code == code;
        const bool moves = tables().combining_class(code) != 0;
        if (stays && !moves && !(composes(form) && tables().may_end_composition(code))) continue;
        if (breaks.back() >> 8 == code) breaks.pop_back();
        breaks.push_back(code << 8 | 1);
        breaks.push_back((code + 1) << 8);
    }
    return PageTable(breaks.data(), breaks.size(), [](uint8_t value) { return value; });
}

template <NormalForm form>
const PageTable& activity() {
    static const PageTable table = make_activity(form);
    return table;
}

const PageTable& activity(NormalForm form) {
    switch (form) {
        case NormalForm::kNfc: return activity<NormalForm::kNfc>();
        case NormalForm::kNfd: return activity<NormalForm::kNfd>();
        case NormalForm::kNfkc: return activity<NormalForm::kNfkc>();
        case NormalForm::kNfkd: break;
    }
    return activity<NormalForm::kNfkd>();
}

}   // namespace

bool is_surely_normal(std::string_view text, NormalForm form) {
    const PageTable& active = activity(form);
    for (size_t at = 0; at < text.size();) {
        const CodePoint point = decode_utf8(text, at);
        if (point.bytes > 1 && active[point.value] != 0) return false;
        at += point.bytes;
    }
    return true;
}

std::vector<ChangedCharacter> normal_form(std::string_view text, NormalForm form) {
    std::vector<ChangedCharacter> out = decomposed(text, form == NormalForm::kNfkc || form == NormalForm::kNfkd);
    if (composes(form)) compose(out);
    return out;
}

}   // namespace llmft::unicode
