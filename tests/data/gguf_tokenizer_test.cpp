// Tokenizers from the metadata of GGUF files: the ids of the tokenizers library, as they are kept in
// tests/golden/tokenizer, through a GGUF file that is made of the same tokenizer as llama.cpp's converter makes it.
#include <doctest/doctest.h>

#include <fstream>

#include "data/tokenizer/gguf_tokenizer.h"
#include "data/tokenizer/tokenizer.h"
#include "engine/io/json.h"
#include "tests/engine/gguf_bytes.h"
#include "tests/engine/refusal.h"
#include "tests/harness/paths.h"
#include "tests/harness/skip.h"
#include "tests/harness/temp_folder.h"
#include "tests/harness/test_data.h"

using namespace llmft;
using namespace llmft::test;

namespace {

enum Type { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

struct Vocabulary {
    std::vector<std::string> tokens;
    std::vector<int32_t> types;
    std::vector<float> scores;
    std::vector<std::string> merges;
};

GgufBytes values_of(const Vocabulary& v, const char* model) {
    std::string types, scores;
    for (const int32_t type : v.types) types += little(type);
    for (const float score : v.scores) scores += little(score);
    GgufBytes gguf;
    gguf.value("general.architecture", gguf_text("llama"))
        .value("llama.context_length", gguf_u32(128))
        .value("tokenizer.ggml.model", gguf_text(model))
        .value("tokenizer.ggml.tokens", gguf_texts(v.tokens))
        .value("tokenizer.ggml.token_type", gguf_array(GgufKind::kI32, v.types.size(), types));
    if (!v.scores.empty()) gguf.value("tokenizer.ggml.scores", gguf_array(GgufKind::kF32, v.scores.size(), scores));
    if (!v.merges.empty()) gguf.value("tokenizer.ggml.merges", gguf_texts(v.merges));
    return gguf;
}

Gguf opened(const GgufBytes& gguf) {
    const TempFolder folder;
    return Gguf::open(folder.write("x.gguf", gguf.file()));
}

// The files as a folder, loaded.
Tokenizer loaded(const Gguf& gguf) {
    const TempFolder folder;
    folder.write("tokenizer.json", gguf_tokenizer_json(gguf));
    folder.write("tokenizer_config.json", gguf_tokenizer_config(gguf));
    return Tokenizer::load(folder.path());
}

Tokenizer loaded(const GgufBytes& gguf) {
    return loaded(opened(gguf));
}

Refusal refusal_of_json(const GgufBytes& gguf) {
    return refusal_of([&] { gguf_tokenizer_json(opened(gguf)); });
}

// A published tokenizer.json as the converter takes it apart. Scores are the merges' order.
Vocabulary taken_apart(const Json& file) {
    Vocabulary v;
    const Json& model = file.at("model");
    v.tokens.resize(model.at("vocab").size());
    for (const auto& item : model.at("vocab").items()) v.tokens[item.value().get<size_t>()] = item.key();
    v.types.assign(v.tokens.size(), kNormal);
    for (const Json& added : file.at("added_tokens")) {
        const auto id = added.at("id").get<size_t>();
        v.tokens.resize(std::max(v.tokens.size(), id + 1));
        v.types.resize(v.tokens.size(), kNormal);
        v.tokens[id] = added.at("content").get<std::string>();
        v.types[id] = added.at("special").get<bool>() ? kControl : kUserDefined;
    }
    for (const Json& merge : model.at("merges"))
        v.merges.push_back(merge.is_string() ? merge.get<std::string>()
                                             : merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    return v;
}

// SentencePiece's own numbers: pieces are scored by their order behind the bytes, runs of spaces come last of all.
void score_as_sentencepiece(Vocabulary& v) {
    constexpr size_t kFirstPiece = 259;
    for (size_t id = 0; id < v.tokens.size(); ++id) {
        std::string rest = v.tokens[id];
        while (rest.starts_with("▁")) rest.erase(0, std::string_view("▁").size());
        const bool spaces = rest.empty() && v.tokens[id] != "▁";
        v.scores.push_back(spaces ? -1e9f : -static_cast<float>(id) + kFirstPiece);
        if (id >= 3 && id < kFirstPiece) v.types[id] = kByte;
    }
    v.merges.clear();
}

// Rows of a golden that come out otherwise.
int differences(const Tokenizer& tokenizer, const char* golden) {
    std::ifstream rows(source_dir() / "tests/golden/tokenizer" / golden);
    std::string line;
    std::getline(rows, line);
    int wrong = 0, count = 0;
    for (; std::getline(rows, line); ++count) {
        const Json row = parse_json(line, "golden", {});
        const auto want = row["ids"].get<std::vector<int32_t>>();
        const bool same =
            tokenizer.encode(row["text"].get<std::string>(), AddSpecialTokens::kYes) == want &&
            tokenizer.decode(want, SkipSpecialTokens::kYes) == row["decoded"].get<std::string>() &&
            tokenizer.decode(want, SkipSpecialTokens::kNo) == row["decoded_with_special"].get<std::string>();
        if (!same && ++wrong <= 3) MESSAGE("differs: " << line);
    }
    CHECK(count > 70);
    return wrong;
}

Vocabulary three_letters() {
    return {.tokens = {"<unk>", "<s>", "</s>", "a", "b", "▁", "ab", "▁ab"},
            .types = {kUnknown, kControl, kControl, kNormal, kNormal, kNormal, kNormal, kNormal},
            .scores = {0, 0, 0, -1, -2, -3, -4, -5},
            .merges = {}};
}

Vocabulary byte_letters() {
    return {.tokens = {"<|end|>", "a", "b", "Ġ", "ab", "Ġab"},
            .types = {kControl, kNormal, kNormal, kNormal, kNormal, kNormal},
            .scores = {},
            .merges = {"a b", "Ġ ab"}};
}

GgufBytes byte_level(const char* pre, const Vocabulary& v = byte_letters()) {
    GgufBytes gguf = values_of(v, "gpt2");
    gguf.value("tokenizer.ggml.pre", gguf_text(pre));
    return gguf;
}

}   // namespace

TEST_CASE("stories260K's scores make its tokenizer: the ids of the tokenizers library") {
    CHECK(differences(loaded(Gguf::open(source_dir() / "tests/golden/gguf-mixed/model.gguf")), "stories260k.jsonl") ==
          0);
}

TEST_CASE("Llama 2's scores make the merges of its published tokenizer.json, one for one, and its ids") {
    const auto file = test_data("tokenizers/llama2/tokenizer.json");
    if (!file) return skip("no tokenizers/llama2");
    const Json published = Json::parse(std::ifstream(*file));
    Vocabulary v = taken_apart(published);
    v.types[0] = kUnknown;
    const std::vector<std::string> merges = v.merges;
    score_as_sentencepiece(v);
    const Gguf gguf = opened(values_of(v, "llama"));
    const Json made = Json::parse(gguf_tokenizer_json(gguf));
    std::vector<std::string> got;
    for (const Json& merge : made.at("model").at("merges"))
        got.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    CHECK((got == merges));
    for (const char* part : {"added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder"})
        CHECK(made.at(part) == published.at(part));
    CHECK(differences(loaded(gguf), "llama2.jsonl") == 0);
}

TEST_CASE("byte-level vocabularies give the ids of the tokenizers library") {
    const struct {
        const char *data, *pre, *golden;
        std::optional<uint32_t> bos;
    } cases[] = {{"tokenizers/gpt2/tokenizer.json", "gpt-2", "gpt2.jsonl", {}},
                 {"weights/smollm2-135m-instruct/tokenizer.json", "smollm", "smollm2.jsonl", {}},
                 {"tokenizers/llama3.2/tokenizer.json", "llama-bpe", "llama3.2.jsonl", 128000},
                 {"tokenizers/qwen2.5/tokenizer.json", "qwen2", "qwen2.5.jsonl", {}}};
    for (const auto& c : cases) {
        CAPTURE(c.pre);
        const auto file = test_data(c.data);
        if (!file) return skip(std::string("no ") + c.data);
        GgufBytes gguf = byte_level(c.pre, taken_apart(Json::parse(std::ifstream(*file))));
        if (c.bos) gguf.value("tokenizer.ggml.bos_token_id", gguf_u32(*c.bos));
        CHECK(differences(loaded(opened(gguf)), c.golden) == 0);
    }
}

TEST_CASE("the splits of llama-bpe and qwen2 are written as Llama 3 and Qwen 2 publish them") {
    const struct {
        const char *data, *pre;
        uint8_t adds_bos;
    } cases[] = {{"tokenizers/llama3.2/tokenizer.json", "llama-bpe", 1},
                 {"tokenizers/qwen2.5/tokenizer.json", "qwen2", 0}};
    for (const auto& c : cases) {
        const auto file = test_data(c.data);
        if (!file) return skip(std::string("no ") + c.data);
        const Json published = Json::parse(std::ifstream(*file));
        GgufBytes gguf = byte_level(c.pre, taken_apart(published));
        gguf.value("tokenizer.ggml.bos_token_id", gguf_u32(128000));
        const Json made = Json::parse(gguf_tokenizer_json(opened(gguf)));
        CHECK(made.at("normalizer") == published.at("normalizer"));
        CHECK(made.at("pre_tokenizer").at("pretokenizers")[0] == published.at("pre_tokenizer").at("pretokenizers")[0]);
        CHECK(made.at("pre_tokenizer").at("pretokenizers")[1].at("use_regex") == false);
        CHECK(made.at("model").at("ignore_merges") == published.at("model").value("ignore_merges", false));
        CHECK(made.at("post_processor").is_null() == (c.adds_bos == 0));
    }
}

TEST_CASE("special tokens, and what begins and ends a text, are what the metadata say") {
    GgufBytes gguf = values_of(three_letters(), "llama");
    const Tokenizer plain = loaded(gguf);
    CHECK(plain.encode("ab", AddSpecialTokens::kYes) == std::vector<int32_t>{1, 7});
    CHECK(plain.special_tokens().bos->id == 1);
    CHECK(plain.special_tokens().eos->text == "</s>");
    CHECK(plain.special_tokens().unk->id == 0);
    CHECK_FALSE(plain.special_tokens().pad);
    CHECK(plain.is_special(2));
    CHECK(plain.notes().empty());
    gguf.value("tokenizer.ggml.add_bos_token", gguf_bool(0))
        .value("tokenizer.ggml.add_eos_token", gguf_bool(1))
        .value("tokenizer.ggml.add_space_prefix", gguf_bool(0))
        .value("tokenizer.ggml.eos_token_id", gguf_u32(1))
        .value("tokenizer.ggml.padding_token_id", gguf_u32(2));
    const Tokenizer other = loaded(gguf);
    CHECK(other.encode("ab", AddSpecialTokens::kYes) == std::vector<int32_t>{6, 1});
    CHECK(other.decode(std::vector<int32_t>{7, 3}, SkipSpecialTokens::kYes) == " aba");
    CHECK(other.special_tokens().pad->id == 2);
    CHECK(other.notes().empty());
    // Ids of no token are none, as llama.cpp writes "none" in an unsigned number.
    GgufBytes none = byte_level("gpt-2");
    none.value("tokenizer.ggml.bos_token_id", gguf_u32(0xFFFFFFFF));
    none.value("tokenizer.ggml.padding_token_id", gguf_kind(GgufKind::kI32) + little(-1));
    CHECK_FALSE(loaded(none).special_tokens().bos);
    CHECK_FALSE(loaded(none).special_tokens().pad);
}

TEST_CASE("user-defined tokens are found in texts, names that fill up the embedding are dropped") {
    Vocabulary v = byte_letters();
    for (const char* token : {"[PAD6]", "<tool>", "[PAD8]", "[PAD9]"}) {
        v.tokens.emplace_back(token);
        v.types.push_back(token[0] == '<' ? kUserDefined : kUnused);
    }
    const Tokenizer tokenizer = loaded(byte_level("smollm", v));
    CHECK(tokenizer.vocab_size() == 8);
    CHECK(tokenizer.encode("ab<tool> ab", AddSpecialTokens::kYes) == std::vector<int32_t>{4, 7, 5});
    CHECK_FALSE(tokenizer.is_special(7));
}

TEST_CASE("a tokenizer.json that lies in the file is taken as it is, and so is the template") {
    GgufBytes gguf;
    gguf.value("tokenizer.huggingface.json", gguf_text("{\"x\":1}"))
        .value("tokenizer.chat_template", gguf_text("{{ messages }}"));
    CHECK(gguf_tokenizer_json(opened(gguf)) == "{\"x\":1}");
    CHECK(gguf_chat_template(opened(gguf)) == "{{ messages }}");
    CHECK(gguf_chat_template(opened(byte_level("gpt-2"))).empty());
}

TEST_CASE("vocabularies that are not read, or do not fit together, are refused by their keys") {
    const auto expect = [](const GgufBytes& gguf, const char* kind, const char* key) {
        const Refusal refusal = refusal_of_json(gguf);
        CAPTURE(refusal.text);
        CHECK(refusal.kind == kind);
        CHECK(refusal.names(key));
        CHECK(is_one_line(refusal.text));
    };
    expect(values_of(three_letters(), "t5"), "SCHEMA", "tokenizer.ggml.model");
    expect(values_of(byte_letters(), "gpt2"), "SCHEMA", "tokenizer.ggml.pre");
    expect(byte_level("tekken"), "SCHEMA", "tekken");
    expect(GgufBytes().value("tokenizer.ggml.model", gguf_text("llama")), "SCHEMA", "tokenizer.ggml.tokens");
    Vocabulary v = byte_letters();
    v.merges.clear();
    expect(byte_level("gpt-2", v), "SCHEMA", "tokenizer.ggml.merges");
    v = byte_letters();
    v.tokens[5] = "ab";
    expect(byte_level("gpt-2", v), "DUP", "ab");
    v = byte_letters();
    v.types.pop_back();
    expect(byte_level("gpt-2", v), "SHAPE", "tokenizer.ggml.tokens");
    v = three_letters();
    v.scores.pop_back();
    expect(values_of(v, "llama"), "SHAPE", "tokenizer.ggml.scores");
    v.scores = std::vector<float>(8, -1000);
    expect(values_of(v, "llama"), "VALUE", "all equal");
    v.scores[6] = NAN;
    expect(values_of(v, "llama"), "VALUE", "tokenizer.ggml.scores");
    GgufBytes rewritten = values_of(three_letters(), "llama");
    rewritten.value("tokenizer.ggml.precompiled_charsmap", gguf_array(GgufKind::kU8, 1, "x"));
    expect(rewritten, "SCHEMA", "precompiled_charsmap");
    GgufBytes stripped = values_of(three_letters(), "llama");
    stripped.value("tokenizer.ggml.remove_extra_whitespaces", gguf_bool(1));
    expect(stripped, "SCHEMA", "remove_extra_whitespaces");
    // A token that is not in the vocabulary is the tokenizer's own to refuse.
    v = byte_letters();
    v.merges.push_back("a a");
    CHECK(refusal_of([&] { loaded(byte_level("gpt-2", v)); }).kind == "SCHEMA");
}

TEST_CASE("a vocabulary of nothing but special tokens is refused before it costs memory") {
    Vocabulary v = byte_letters();
    for (int i = 0; i < (1 << 16); ++i) {
        v.tokens.push_back("<" + std::to_string(i) + ">");
        v.types.push_back(kControl);
    }
    CHECK(refusal_of_json(byte_level("gpt-2", v)).kind == "LIMIT");
}

TEST_CASE("pieces that can be cut in more ways than a tokenizer has merges are refused") {
    Vocabulary v = three_letters();
    for (char letter = '!'; letter <= '~'; ++letter)
        for (size_t length = 1; length <= 310 && letter != 'a' && letter != 'b'; ++length) {   // length - 1 cuts
            v.tokens.push_back(std::string(length, letter));
            v.types.push_back(kNormal);
            v.scores.push_back(-9);
        }
    const Refusal refusal = refusal_of_json(values_of(v, "llama"));
    CHECK(refusal.kind == "LIMIT");
    CHECK(refusal.names("merges"));
}

TEST_CASE("pieces too long to be cut in reasonable time are refused") {
    Vocabulary v = three_letters();
    for (int i = 0; i < 3; ++i) {
        v.tokens.push_back(std::string(20'000, 'a') + std::to_string(i));
        v.types.push_back(kNormal);
        v.scores.push_back(-9);
    }
    CHECK(refusal_of_json(values_of(v, "llama")).kind == "LIMIT");
}
