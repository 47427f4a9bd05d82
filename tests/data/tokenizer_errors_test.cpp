// Parts of a tokenizer.json that llmft does not know, or that make no sense, are refused by their field.
#include <doctest/doctest.h>
#include <sys/mman.h>

#include <functional>

#include "data/tokenizer/tokenizer.h"
#include "tests/data/small_tokenizer.h"
#include "tests/engine/refusal.h"

using namespace llmft;
using namespace llmft::test;

TEST_CASE("a tokenizer with a part that would be read wrongly is refused by that part") {
    const struct {
        const char* what;
        std::function<void(Json&)> spoil;
        std::string field, reason;
    } cases[] = {
        {"a merge of one token", [](Json& j) { j["model"]["merges"][0] = "ab"; }, "model.merges", "wanted two tokens"},
        {"a merge of three", [](Json& j) { j["model"]["merges"][0] = "a b c"; }, "model.merges", "wanted two tokens"},
        {"a merge as a list of one", [](Json& j) { j["model"]["merges"][0] = Json::array({"a"}); }, "model.merges",
         "wanted two tokens"},
        {"a merge of numbers",
         [](Json& j) {
             j["model"]["merges"][0] = Json::array({1, 2});
         },
         "model.merges", "wanted two tokens"},
        {"a prefix of parts of words", [](Json& j) { j["model"]["continuing_subword_prefix"] = "##"; },
         "model.continuing_subword_prefix", "is not supported"},
        {"a suffix of words", [](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; }, "model.end_of_word_suffix",
         "is not supported"},
        {"a decoder that strips two characters", [](Json& j) { j["decoder"]["decoders"][3]["content"] = "ab"; },
         "content", "is not one character"},
        {"a template with a second text",
         [](Json& j) {
             j["post_processor"]["single"].push_back({{"Sequence", {{"id", "B"}, {"type_id", 0}}}});
         },
         "post_processor.single", "another sequence than one A"},
        {"a pre-tokenizer behind ByteLevel",
         [](Json& j) {
             j["pre_tokenizer"] = {{"type", "Sequence"},
                                   {"pretokenizers",
                                    {{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}},
                                     {{"type", "Digits"}, {"individual_digits", true}}}}};
         },
         "pre_tokenizer", "after ByteLevel is not supported"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.what);
        Json json = sentencepiece_json();
        c.spoil(json);
        const TokenizerFolder folder(json);
        const Refusal refusal = refusal_of([&] { Tokenizer::load(folder.path()); });
        CAPTURE(refusal.text);
        CHECK(refusal.kind == "SCHEMA");
        CHECK(refusal.names("tokenizer.json"));
        CHECK(refusal.names(c.field));
        CHECK(refusal.names(c.reason));
    }
}

TEST_CASE("a text of more than a gibibyte is refused before it is cut") {
    const Tokenizer tokenizer = Tokenizer::load(TokenizerFolder().path());
    constexpr size_t kBytes = (size_t{1} << 30) + 1;
    void* const pages = mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    const std::string_view text(static_cast<const char*>(pages), kBytes);
    CHECK(refusal_of([&] { tokenizer.encode(text, AddSpecialTokens::kNo); }).kind == "LIMIT");
    munmap(pages, kBytes);
}
