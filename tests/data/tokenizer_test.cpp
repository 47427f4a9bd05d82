#include "data/tokenizer/tokenizer.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/data/errors.h"
#include "tests/data/small_tokenizer.h"

namespace llmft::test {
namespace {

using Ids = std::vector<int32_t>;

Ids encode(const Tokenizer& tokenizer, const std::string& text) {
    return tokenizer.encode(text, AddSpecialTokens::kNo);
}

Tokenizer load(const Json& json) {
    return Tokenizer::load(TokenizerFolder(json).path());
}

Json added(int id, const std::string& content) {
    return {{"id", id}, {"content", content}, {"normalized", false}, {"special", false}};
}

TEST_CASE("merges join the lowest rank first and the leftmost of equals") {
    const Tokenizer tokenizer = load(sentencepiece_json());
    CHECK(encode(tokenizer, "abc") == Ids{265, 262});   // "▁ab" (rank 1) takes ab before "abc" (rank 3) can
    CHECK(encode(tokenizer, "cabc") == Ids{259, 262, 266});
    CHECK(tokenizer.encode("a", AddSpecialTokens::kYes) == Ids{1, 264});
}

TEST_CASE("characters outside the vocabulary become their bytes, or one unknown token a run without byte_fallback") {
    CHECK(encode(load(sentencepiece_json()), "é") == Ids{259, 3 + 0xc3, 3 + 0xa9});
    Json json = sentencepiece_json();
    json["model"]["byte_fallback"] = false;
    CHECK(encode(load(json), "aéøb") == Ids{264, 0, 261});
    json["model"]["fuse_unk"] = false;
    CHECK(encode(load(json), "aéøb") == Ids{264, 0, 0, 261});
    json["model"]["unk_token"] = nullptr;
    CHECK(encode(load(json), "aéøb") == Ids{265});   // gone, and their neighbours join
}

TEST_CASE("ignore_merges takes a pre-token that is a token whole") {
    Json json = sentencepiece_json();
    json["normalizer"] = nullptr;
    json["model"]["merges"] = Json::array();
    CHECK(encode(load(json), "abc") == Ids{260, 261, 262});
    json["model"]["ignore_merges"] = true;
    CHECK(encode(load(json), "abc") == Ids{266});
}

TEST_CASE("added tokens are found leftmost and longest, whole words where asked, with the white space they strip") {
    Json json = sentencepiece_json();
    json["normalizer"] = nullptr;
    json["added_tokens"].push_back(added(267, "<x>"));
    json["added_tokens"].push_back(added(268, "<x>y"));
    json["added_tokens"].push_back(added(269, "<w>"));
    json["added_tokens"].back()["single_word"] = true;
    json["added_tokens"].push_back(added(270, "<s2>"));
    json["added_tokens"].back()["lstrip"] = true;
    json["added_tokens"].back()["rstrip"] = true;
    json["model"]["byte_fallback"] = false;
    const Tokenizer tokenizer = load(json);
    CHECK(encode(tokenizer, "a<x>b<x>yb") == Ids{260, 267, 261, 268, 261});
    CHECK(encode(tokenizer, "<w>") == Ids{269});
    CHECK(encode(tokenizer, "a<w>") == Ids{260, 0});
    CHECK(encode(tokenizer, "a \u00a0<s2>\n b") == Ids{260, 270, 261});
    CHECK(tokenizer.vocab_size() == 271);
    CHECK(tokenizer.id_of("<w>") == 269);
}

TEST_CASE("spans say which characters a token is of") {
    const Encoding got = load(sentencepiece_json()).encode_with_spans("a é</s>b", AddSpecialTokens::kYes);
    CHECK(got.ids == Ids{1, 264, 259, 3 + 0xc3, 3 + 0xa9, 2, 259, 261});
    const std::vector<std::pair<uint32_t, uint32_t>> want{{0, 0}, {0, 1}, {1, 2}, {2, 4},
                                                          {2, 4}, {4, 8}, {8, 9}, {8, 9}};
    REQUIRE(got.spans.size() == want.size());
    for (size_t i = 0; i < want.size(); ++i) {
        CHECK(got.spans[i].begin == want[i].first);
        CHECK(got.spans[i].end == want[i].second);
    }
}

TEST_CASE("an expression that takes too many steps is refused where a text shows it") {
    Json json = sentencepiece_json();
    json["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(a|aa)+$"}}}, {"behavior", "Isolated"}};
    const Tokenizer tokenizer = load(json);
    CHECK(encode(tokenizer, "aa") == Ids{259, 260, 260});
    const std::string error = error_of([&] { encode(tokenizer, std::string(64, 'a') + "b"); });
    CHECK(holds(error, "E-LIMIT"));
    CHECK(holds(error, "pre_tokenizer.pattern.Regex"));
}

TEST_CASE("decoding drops special tokens where asked and replaces bytes that are not UTF-8, one for one") {
    const Tokenizer tokenizer = load(sentencepiece_json());
    const Ids ids{1, 264, 3 + 0xe3, 3 + 0x81, 261, 3 + 0xc3, 3 + 0xa9, 2};
    CHECK(tokenizer.decode(ids, SkipSpecialTokens::kYes) == "a\ufffd\ufffdbé");
    CHECK(tokenizer.decode(ids, SkipSpecialTokens::kNo) == "<s> a\ufffd\ufffdbé</s>");
    CHECK(tokenizer.decode(Ids{-1, 100000}, SkipSpecialTokens::kNo).empty());
}

TEST_CASE("special tokens come from tokenizer_config.json, then the map, then config.json's ids") {
    TokenizerFolder folder;
    CHECK(Tokenizer::load(folder.path()).special_tokens().eos->id == 2);
    CHECK(Tokenizer::load(folder.path()).special_tokens().eos->text == "</s>");
    CHECK(Tokenizer::load(folder.path()).special_tokens().bos->id == 1);
    folder.write("config.json", R"({"pad_token_id": 0, "eos_token_id": [1, 2]})");
    CHECK_FALSE(Tokenizer::load(folder.path()).special_tokens().pad);   // null is an answer
    folder.write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
    CHECK(Tokenizer::load(folder.path()).special_tokens().pad->id == 0);
    CHECK(Tokenizer::load(folder.path()).special_tokens().eos->text == "<s>");
    folder.write("special_tokens_map.json", R"({"eos_token": "</s>"})");
    CHECK(Tokenizer::load(folder.path()).special_tokens().eos->id == 2);
    folder.write("special_tokens_map.json", R"({"eos_token": "<end>"})");
    const std::string error = error_of([&] { Tokenizer::load(folder.path()); });
    CHECK(holds(error, "E-RANGE"));
    CHECK(holds(error, "special_tokens_map.json: eos_token: \"<end>\""));
}

TEST_CASE("a flag of tokenizer_config.json that tokenizer.json does not follow is told") {
    Json config = config_json();
    config["add_bos_token"] = true;
    config["add_eos_token"] = false;
    CHECK(Tokenizer::load(TokenizerFolder(sentencepiece_json(), config).path()).notes().empty());
    config["add_eos_token"] = true;
    const Tokenizer tokenizer = Tokenizer::load(TokenizerFolder(sentencepiece_json(), config).path());
    REQUIRE(tokenizer.notes().size() == 1);
    CHECK(holds(tokenizer.notes()[0], "add_eos_token true"));
}

struct Broken {
    const char* what;
    std::function<void(Json&)> make;
    const char* kind;
    const char* says;
};

TEST_CASE("a tokenizer.json that is wrong or holds what is not read is refused by kind, file and field") {
    const std::vector<Broken> cases{
        {"two tokens with one id", [](Json& j) { j["model"]["vocab"]["a"] = 261; }, "E-DUP",
         "model.vocab: token \"b\""},
        {"an id gap", [](Json& j) { j["model"]["vocab"]["a"] = 9999; }, "E-RANGE",
         "model.vocab: token \"a\" has id 9999"},
        {"a negative id", [](Json& j) { j["model"]["vocab"]["a"] = -1; }, "E-RANGE", "model.vocab"},
        {"a huge id", [](Json& j) { j["model"]["vocab"]["a"] = int64_t{1} << 31; }, "E-RANGE", "model.vocab"},
        {"an id that is no integer", [](Json& j) { j["model"]["vocab"]["a"] = 1.5; }, "E-SCHEMA", "model.vocab"},
        {"an empty vocabulary", [](Json& j) { j["model"]["vocab"] = Json::object(); }, "E-SCHEMA",
         "model.vocab: is empty"},
        {"a merge of unknown tokens", [](Json& j) { j["model"]["merges"].push_back("a zz"); }, "E-SCHEMA",
         "merge 4 needs \"zz\""},
        {"a merge longer than any token", [](Json& j) { j["model"]["merges"].push_back("abc abc"); }, "E-SCHEMA",
         "needs \"abcabc\""},
        {"a merge of one", [](Json& j) { j["model"]["merges"].push_back("ab"); }, "E-SCHEMA",
         "merge 4: wanted two tokens"},
        {"a merge with nothing",
         [](Json& j) {
             j["model"]["merges"].push_back({"", "a"});
         },
         "E-LIMIT", "merge 4"},
        {"another model", [](Json& j) { j["model"]["type"] = "WordLevel"; }, "E-SCHEMA",
         "model: model WordLevel is not supported"},
        {"tokens without scores", [](Json& j) { j["model"]["type"] = "Unigram"; }, "E-SCHEMA",
         "model.vocab: is no list of tokens and scores"},
        {"a score that is no number",
         [](Json& j) {
             j["model"] = {{"type", "Unigram"}, {"vocab", Json::array({Json::array({"a", "b"})})}};
         },
         "E-SCHEMA", "model.vocab: item 0: wanted a token and its score"},
        {"an unknown token beyond the vocabulary",
         [](Json& j) {
             j["model"] = {{"type", "Unigram"}, {"unk_id", 1}, {"vocab", Json::array({Json::array({"a", -1.0})})}};
         },
         "E-RANGE", "model.unk_id"},
        {"another normalizer",
         [](Json& j) {
             j["normalizer"] = {{"type", "Nmt"}};
         },
         "E-SCHEMA", "normalizer.type: normalizer \"Nmt\""},
        {"another decoder", [](Json& j) { j["decoder"]["decoders"][2]["type"] = "CTC"; }, "E-SCHEMA",
         "decoder.decoders[2].type"},
        {"another pre-tokenizer",
         [](Json& j) {
             j["pre_tokenizer"] = {{"type", "Punctuation"}};
         },
         "E-SCHEMA", "pre_tokenizer.type: pre-tokenizer \"Punctuation\""},
        {"what is no behaviour",
         [](Json& j) {
             j["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Isolate"}};
         },
         "E-VALUE", "pre_tokenizer.behavior"},
        {"what is no regular expression",
         [](Json& j) {
             j["normalizer"]["normalizers"][1]["pattern"] = {{"Regex", "(a"}};
         },
         "E-SYNTAX", "normalizer.normalizers[1].pattern.Regex"},
        {"dropout", [](Json& j) { j["model"]["dropout"] = 0.1; }, "E-SCHEMA", "model.dropout"},
        {"an unk_token that is none", [](Json& j) { j["model"]["unk_token"] = "<what>"; }, "E-SCHEMA",
         "model.unk_token"},
        {"an empty added token", [](Json& j) { j["added_tokens"].push_back(added(267, "")); }, "E-RANGE",
         "added_tokens[3].content"},
        {"an added id beyond the vocabulary", [](Json& j) { j["added_tokens"].push_back(added(500, "<x>")); },
         "E-RANGE", "added_tokens[3].id"},
        {"an added token twice", [](Json& j) { j["added_tokens"].push_back(added(1, "<s>")); }, "E-DUP",
         "added_tokens[3]"},
        {"a template of unknown ids", [](Json& j) { j["post_processor"]["special_tokens"]["<s>"]["ids"] = {9999}; },
         "E-RANGE", "post_processor"},
        {"no model", [](Json& j) { j.erase("model"); }, "E-SCHEMA", "model: is missing"},
    };
    for (const Broken& broken : cases) {
        INFO(broken.what);
        Json json = sentencepiece_json();
        broken.make(json);
        const std::string error = error_of([&] { load(json); });
        INFO(error);
        CHECK(error.starts_with(broken.kind));
        CHECK(holds(error, "tokenizer.json: "));
        CHECK(holds(error, broken.says));
    }
}

TEST_CASE("every proper prefix of a tokenizer.json is refused") {
    const std::string whole = sentencepiece_json().dump();
    const TokenizerFolder folder;
    for (size_t bytes = 0; bytes < whole.size(); bytes += 37) {
        folder.write("tokenizer.json", whole.substr(0, bytes));
        CHECK(error_of([&] { Tokenizer::load(folder.path()); }).starts_with("E-SYNTAX"));
    }
}

TEST_CASE("text that is not UTF-8 is refused") {
    CHECK(error_of([] { encode(load(sentencepiece_json()), "a\xff"); }).starts_with("E-ENCODING"));
}

TEST_CASE("a tokenizer with more tokens than the embedding has rows is refused") {
    const Tokenizer tokenizer = load(sentencepiece_json());
    CHECK(error_of([&] { expect_vocabulary_fits(tokenizer, 267, "m/tokenizer.json"); }).empty());
    CHECK(error_of([&] {
              expect_vocabulary_fits(tokenizer, 266, "m/tokenizer.json");
          }).starts_with("E-SHAPE: m/tokenizer.json: model.vocab: 267"));
}

}   // namespace
}   // namespace llmft::test
