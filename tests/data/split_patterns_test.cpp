// The loops that cut texts, against the expressions that they stand for.
#include "data/tokenizer/split_patterns.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "data/tokenizer/text_pattern.h"
#include "engine/io/json.h"
#include "tests/engine/refusal.h"

namespace llmft::test {
namespace {

using Pieces = std::vector<std::string>;

Pieces pieces_of(PieceEnd piece_end, const std::string& text) {
    Pieces pieces;
    for (size_t at = 0; at < text.size();) {
        const size_t end = piece_end(text, at);
        pieces.push_back(text.substr(at, end - at));
        at = end;
    }
    return pieces;
}

TextPattern regex(const std::string& expression) {
    const Json component = {{"pattern", {{"Regex", expression}}}};
    return TextPattern(JsonField(component, "tokenizer.json", "pre_tokenizer"));
}

Pieces matches_of(const TextPattern& pattern, const std::string& text) {
    std::vector<TracedText::Edit> matches;
    pattern.find_all(text, matches);
    Pieces pieces;
    for (const auto& match : matches) pieces.push_back(text.substr(match.begin, match.end - match.begin));
    return pieces;
}

const std::string kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const std::string kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

TEST_CASE("a known split cuts every text as its expression does") {
    // One or two of each class that an expression tells apart, and what contractions are made of.
    const std::vector<std::string> characters = {
        "a",      "b",      "s",      "S",      "t",      "re",     "VE",     "ll",         "D",      "A",
        "B",      "\u017f", "\u01c5", "\u02b0", "\u3042", "\u65e5", "\u0301", "\u0bbe",     "1",      "23",
        "\u0663", "\u2167", "'",      "'",      "-",      "/",      "\u2603", "\U0001f600", "\ue000", " ",
        " ",      "\n",     "\r",     "\t",     "\u00a0", "\u3000", "\u0085", "_",          "\u200d", "\u0378"};
    uint64_t state = 1;
    const auto draw = [&](uint64_t below) {   // Knuth's MMIX generator
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (state >> 33) % below;
    };
    for (const std::string& expression : {kGpt2, std::string(kLlama3Split), std::string(kQwen2Split), kTekken}) {
        CAPTURE(expression);
        const PieceEnd piece_end = known_split(expression);
        REQUIRE(bool{piece_end != nullptr});
        const TextPattern pattern = regex(expression);
        for (int trial = 0; trial < 20000; ++trial) {
            std::string text;
            for (uint64_t left = 1 + draw(12); left > 0; --left) text += characters[draw(characters.size())];
            const Pieces got = pieces_of(piece_end, text), want = matches_of(pattern, text);
            if (got == want) continue;
            CAPTURE(text);
            CHECK(got == want);
            break;
        }
    }
    CHECK(bool{known_split("a+") == nullptr});
}

TEST_CASE("splits go by the newest letters and numbers, not by PCRE2's") {
    // U+31350, a letter since Unicode 15; U+11DE0, a number since Unicode 16; U+180E, no white space since Unicode 6.3.
    CHECK(matches_of(regex("\\p{L}+|\\p{Nd}"), "a\U00031350-b") == Pieces{"a\U00031350", "b"});
    CHECK(matches_of(regex("\\s|[^\\s]+"), "a\u180eb c") == Pieces{"a\u180eb", " ", "c"});
    CHECK(matches_of(regex("\\P{L}+"), "a12b\U000313503") == Pieces{"12", "3"});
    CHECK(matches_of(regex("[\\p{^L}x]+"), "a1x2b") == Pieces{"1x2"});
    CHECK(matches_of(regex("\\w+\\b."), "h\u00e9 x") == Pieces{"h\u00e9 "});
}

TEST_CASE("what is read otherwise by Oniguruma than by PCRE2 is refused by name") {
    for (const auto& one : std::vector<std::pair<std::string, std::string>>{{"\\p{Greek}+", "\\p{Greek}"},
                                                                            {"[a[bc]]", "a class within a class"},
                                                                            {"[a-z&&[^b]]", "&&"},
                                                                            {"\\h", "\\h"},
                                                                            {"\\pL", "\\p"}}) {
        CAPTURE(one.first);
        const Refusal refusal = refusal_of([&] { regex(one.first); });
        CHECK(refusal.kind == "SCHEMA");
        CHECK(refusal.names(one.second));
        CHECK(refusal.names("pre_tokenizer.pattern.Regex"));
    }
}

}   // namespace
}   // namespace llmft::test
