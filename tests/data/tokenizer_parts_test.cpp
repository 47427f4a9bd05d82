// Small tokenizers with one part each, and the normal forms: what tests/oracle/tokenizer_parts.py has of the tokenizers
// library.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <fstream>
#include <string>
#include <vector>

#include "data/tokenizer/tokenizer.h"
#include "data/unicode/normal_forms.h"
#include "data/unicode/utf8.h"
#include "engine/io/json.h"
#include "tests/data/small_tokenizer.h"
#include "tests/harness/paths.h"

namespace llmft::test {
namespace {

std::vector<uint32_t> flat(const std::vector<TextSpan>& spans) {
    std::vector<uint32_t> places;
    for (const TextSpan& span : spans) places.insert(places.end(), {span.begin, span.end});
    return places;
}

TEST_CASE("each part of a tokenizer gives the library's ids, spans and texts") {
    std::ifstream goldens(source_dir() / "tests/golden/tokenizer_parts.jsonl");
    int tokenizers = 0;
    for (std::string line; std::getline(goldens, line); ++tokenizers) {
        const Json golden = parse_json(line, "golden", {.values = 1 << 20});
        const std::string parts = Json(golden["tokenizer"]).dump();
        CAPTURE(parts);
        const TokenizerFolder folder(golden["tokenizer"]);
        folder.write("tokenizer_config.json", "{}");
        const Tokenizer tokenizer = Tokenizer::load(folder.path());
        for (const Json& row : golden["rows"]) {
            const auto text = row["text"].get<std::string>();
            CAPTURE(text);
            const Encoding got = tokenizer.encode_with_spans(text, AddSpecialTokens::kYes);
            const auto ids = row["ids"].get<std::vector<int32_t>>();
            CHECK(got.ids == ids);
            CHECK(flat(got.spans) == row["spans"].get<std::vector<uint32_t>>());
            CHECK(tokenizer.encode(text, AddSpecialTokens::kYes) == ids);
            CHECK(tokenizer.decode(ids, SkipSpecialTokens::kYes) == row["decoded"].get<std::string>());
        }
    }
    CHECK(tokenizers >= 70);
}

// Fowler, Noll, Vo: 64 bits, the byte first.
class Fnv1a {
public:
    void add(std::string_view bytes) {
        for (const char byte : bytes) value_ = (value_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
    std::string text() const { return fmt::format("{:016x}", value_); }

private:
    uint64_t value_ = 0xcbf29ce484222325;
};

TEST_CASE("the normal forms of every character, alone between a letter and marks, are the library's") {
    using unicode::NormalForm;
    const Json goldens = parse_json_file(source_dir() / "tests/golden/normal_forms.json", {});
    const std::vector<std::pair<const char*, NormalForm>> forms = {
        {"NFC", NormalForm::kNfc}, {"NFD", NormalForm::kNfd}, {"NFKC", NormalForm::kNfkc}, {"NFKD", NormalForm::kNfkd}};
    for (const auto& form : forms) {
        const char* const name = form.first;
        CAPTURE(name);
        Fnv1a hash;
        int wrongly_sure = 0;
        for (char32_t code = 0; code < 0x110000; ++code) {
            if (code >= 0xd800 && code < 0xe000) continue;
            std::string text = "e", normal;
            unicode::append_utf8(text, code);
            std::string alone = text;
            text += "\u0323\u0301";
            for (const auto& changed : unicode::normal_form(text, form.second))
                unicode::append_utf8(normal, changed.code);
            hash.add(normal);
            if (!unicode::is_surely_normal(alone, form.second)) continue;
            std::string same;
            for (const auto& changed : unicode::normal_form(alone, form.second))
                unicode::append_utf8(same, changed.code);
            wrongly_sure += same != alone;
        }
        CHECK(hash.text() == goldens[name].get<std::string>());
        CHECK(wrongly_sure == 0);
    }
}

}   // namespace
}   // namespace llmft::test
