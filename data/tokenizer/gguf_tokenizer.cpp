#include "data/tokenizer/gguf_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <unordered_set>

#include "data/tokenizer/split_patterns.h"
#include "engine/io/json.h"
#include "engine/io/quote.h"

namespace llmft {
namespace {

constexpr int64_t kMostTokens = int64_t{1} << 21, kMostMerges = int64_t{1} << 22;   // as of any tokenizer
constexpr size_t kMostAdded = size_t{1} << 16;   // each costs a tree of values; models have some thousands at most
constexpr std::string_view kOther =
    "use the Hugging Face folder of the model, or give rows of tokens (--dataset-format tokens)";
constexpr std::string_view kAgain = "convert the model anew";
constexpr std::string_view kSpace = "\u2581";   // SentencePiece's

// tokenizer.ggml.token_type.
enum class TokenType : int64_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

enum class Split { kGpt2, kDigitsGpt2, kLlama3, kQwen2 };
struct PreType {
    std::string_view name;
    Split split;
};
constexpr std::array kPreTypes = {
    PreType{"gpt-2", Split::kGpt2},
    PreType{"smollm", Split::kDigitsGpt2},
    PreType{"starcoder", Split::kDigitsGpt2},
    PreType{"refact", Split::kDigitsGpt2},
    PreType{"llama-bpe", Split::kLlama3},
    PreType{"llama-v3", Split::kLlama3},
    PreType{"llama3", Split::kLlama3},
    PreType{"qwen2", Split::kQwen2},
    PreType{"deepseek-r1-qwen", Split::kQwen2},
};

// What the metadata say of the tokens, with the defaults of llama.cpp for what they leave out.
class Metadata {
public:
    explicit Metadata(const Gguf& gguf) : gguf_(gguf), list_(gguf.value("tokenizer.ggml.tokens")) {
        const GgufValue model = gguf.value("tokenizer.ggml.model");
        sentencepiece_ = model.text() == "llama";
        if (!sentencepiece_ && model.text() != "gpt2")
            model.refuse("SCHEMA", fmt::format("is {}, read are gpt2 and llama", in_quotes(model.text())), kOther);
        tokens_ = list_.texts(kMostTokens);
        types_.assign(tokens_.size(), static_cast<int64_t>(TokenType::kNormal));
        if (const auto types = gguf.find_value("tokenizer.ggml.token_type")) types_ = types->integers(kMostTokens);
        if (types_.size() != tokens_.size())
            list_.refuse("SHAPE", fmt::format("{} tokens have {} types", tokens_.size(), types_.size()), kAgain);
        // The converter fills up to the embedding's rows with names of its own.
        while (!tokens_.empty() && type(tokens_.size() - 1) == TokenType::kUnused && tokens_.back().starts_with("[PAD"))
            tokens_.pop_back();
    }

    bool sentencepiece() const { return sentencepiece_; }
    const GgufValue& list() const { return list_; }
    const std::vector<std::string_view>& tokens() const { return tokens_; }
    TokenType type(size_t id) const { return static_cast<TokenType>(types_[id]); }

    // Its id, where it is named and there is such a token.
    std::optional<size_t> special(std::string_view name, std::optional<size_t> sentencepiece_default) const {
        const auto value = gguf_.find_value(fmt::format("tokenizer.ggml.{}_token_id", name));
        const auto id = value            ? std::optional(static_cast<size_t>(value->integer(-1, UINT32_MAX)))
                        : sentencepiece_ ? sentencepiece_default
                                         : std::nullopt;
        return id && *id < tokens_.size() ? id : std::nullopt;
    }
    std::optional<size_t> bos() const { return special("bos", 1); }
    std::optional<size_t> eos() const { return special("eos", 2); }
    std::optional<size_t> unknown() const { return special("unknown", 0); }

    bool flag(std::string_view name, bool fallback) const {
        const auto value = gguf_.find_value(fmt::format("tokenizer.ggml.{}", name));
        return value ? value->flag() : fallback;
    }
    bool adds_bos() const { return bos() && flag("add_bos_token", sentencepiece_ || split() == Split::kLlama3); }
    bool adds_eos() const { return eos() && flag("add_eos_token", false); }
    bool adds_space() const { return flag("add_space_prefix", sentencepiece_); }

    Split split() const {   // of gpt2
        const GgufValue pre = gguf_.value("tokenizer.ggml.pre");
        const auto at = std::find_if(kPreTypes.begin(), kPreTypes.end(),
                                     [&](const PreType& known) { return known.name == pre.text(); });
        if (at == kPreTypes.end())
            pre.refuse("SCHEMA", fmt::format("is {}, which this build does not split by", in_quotes(pre.text())),
                       kOther);
        return at->split;
    }

private:
    const Gguf& gguf_;
    GgufValue list_;
    bool sentencepiece_ = false;
    std::vector<std::string_view> tokens_;
    std::vector<int64_t> types_;
};

Json added_tokens(const Metadata& m) {
    Json list = Json::array();
    for (size_t id = 0; id < m.tokens().size(); ++id) {
        const bool special = m.type(id) == TokenType::kControl || m.type(id) == TokenType::kUnknown;
        if (!special && m.type(id) != TokenType::kUserDefined) continue;
        if (list.size() == kMostAdded)
            m.list().refuse("LIMIT", fmt::format("has more than {} special tokens", kMostAdded), kOther);
        list.push_back({{"id", id},
                        {"content", m.tokens()[id]},
                        {"single_word", false},
                        {"lstrip", false},
                        {"rstrip", false},
                        {"normalized", false},
                        {"special", special}});
    }
    return list;
}

Json byte_level(bool add_prefix_space, bool use_regex) {
    return {{"type", "ByteLevel"},
            {"add_prefix_space", add_prefix_space},
            {"trim_offsets", true},
            {"use_regex", use_regex}};
}

Json replace(std::string_view pattern, std::string_view content) {
    return {{"type", "Replace"}, {"pattern", {{"String", pattern}}}, {"content", content}};
}

Json sequence(const char* children, Json parts) {
    return {{"type", "Sequence"}, {children, std::move(parts)}};
}

Json normalizer(const Metadata& m) {
    if (!m.sentencepiece()) return m.split() == Split::kQwen2 ? Json{{"type", "NFC"}} : Json();
    Json parts = Json::array();
    if (m.adds_space()) parts.push_back({{"type", "Prepend"}, {"prepend", kSpace}});
    parts.push_back(replace(" ", kSpace));
    return sequence("normalizers", parts);
}

Json pre_tokenizer(const Metadata& m) {
    if (m.sentencepiece()) return {};
    const auto split_by = [&](std::string_view regex) {
        return Json::array(
            {{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}},
             byte_level(m.adds_space(), false)});
    };
    switch (m.split()) {
        case Split::kGpt2: return byte_level(m.adds_space(), true);
        case Split::kDigitsGpt2:
            return sequence("pretokenizers", Json::array({{{"type", "Digits"}, {"individual_digits", true}},
                                                          byte_level(m.adds_space(), true)}));
        case Split::kLlama3: return sequence("pretokenizers", split_by(kLlama3Split));
        case Split::kQwen2: return sequence("pretokenizers", split_by(kQwen2Split));
    }
    return {};
}

Json decoder(const Metadata& m) {
    if (!m.sentencepiece()) return byte_level(true, true);
    Json parts = Json::array({replace(kSpace, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
    if (m.adds_space()) parts.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    return sequence("decoders", parts);
}

Json post_processor(const Metadata& m) {
    if (!m.adds_bos() && !m.adds_eos()) return {};
    Json single = Json::array(), pair = Json::array(), special = Json::object();
    const auto text = [](const char* id, int type) { return Json{{"Sequence", {{"id", id}, {"type_id", type}}}}; };
    const auto around = [&](Json& list, const Json& sequence_of_text, int type) {
        const auto token = [&](size_t id) {
            const std::string_view content = m.tokens()[id];
            special[std::string(content)] = {{"id", content}, {"ids", {id}}, {"tokens", {content}}};
            list.push_back({{"SpecialToken", {{"id", content}, {"type_id", type}}}});
        };
        if (m.adds_bos()) token(*m.bos());
        list.push_back(sequence_of_text);
        if (m.adds_eos()) token(*m.eos());
    };
    around(single, text("A", 0), 0);
    around(pair, text("A", 0), 0);
    around(pair, text("B", 1), 1);
    return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}};
}

std::string quoted(std::string_view text) {
    return Json(text).dump();
}

// {"token":id,…}: written as text, since a tree of a hundred thousand values would be many times as large.
std::string vocabulary(const Metadata& m) {
    std::unordered_set<std::string_view> seen;
    std::string text = "{";
    for (size_t id = 0; id < m.tokens().size(); ++id) {
        const std::string_view token = m.tokens()[id];
        if (!seen.insert(token).second) m.list().refuse("DUP", fmt::format("holds {} twice", in_quotes(token)), kAgain);
        text += fmt::format("{}{}:{}", id == 0 ? "" : ",", quoted(token), id);
    }
    return text + "}";
}

std::string listed_merges(const Gguf& gguf) {
    std::string text = "[";
    for (const std::string_view merge : gguf.value("tokenizer.ggml.merges").texts(kMostMerges))
        text += (text.size() > 1 ? "," : "") + quoted(merge);
    return text + "]";
}

// SentencePiece's pieces carry scores instead of merges.
std::string scored_merges(const Gguf& gguf, const Metadata& m) {
    const GgufValue value = gguf.value("tokenizer.ggml.scores");
    const std::vector<float> scores = value.numbers(kMostTokens);
    if (scores.size() < m.tokens().size())
        value.refuse("SHAPE", fmt::format("{} scores for {} tokens", scores.size(), m.tokens().size()), kAgain);
    std::vector<bool> usable;
    float least = INFINITY, most = -INFINITY;
    for (size_t id = 0; id < m.tokens().size(); ++id) {
        if (!std::isfinite(scores[id])) value.refuse("VALUE", fmt::format("score {} is NaN or infinite", id), kAgain);
        usable.push_back(m.type(id) == TokenType::kNormal);
        if (!usable.back()) continue;
        least = std::min(least, scores[id]);
        most = std::max(most, scores[id]);
    }
    if (m.tokens().size() > 1 && !(least < most))
        value.refuse("VALUE", "are all equal: what merges first is not in the file", kOther);
    std::string text = "[";
    for (const ScoredMerge& merge : merges_by_score(m.tokens(), scores, usable, m.list()))
        text += fmt::format("{}[{},{}]", text.size() > 1 ? "," : "", quoted(m.tokens()[merge.left]),
                            quoted(m.tokens()[merge.right]));
    return text + "]";
}

// SentencePiece can rewrite texts before it cuts them; a Llama's does not.
void expect_plain_sentencepiece(const Gguf& gguf) {
    if (const auto map = gguf.find_value("tokenizer.ggml.precompiled_charsmap"))
        map->refuse("SCHEMA", "is not supported: texts would be rewritten", kOther);
    if (const auto strip = gguf.find_value("tokenizer.ggml.remove_extra_whitespaces"))
        if (strip->flag()) strip->refuse("SCHEMA", "is not supported: texts would be rewritten", kOther);
}

}   // namespace

std::string gguf_tokenizer_json(const Gguf& gguf) {
    if (const auto whole = gguf.find_value("tokenizer.huggingface.json")) return std::string(whole->text());
    const Metadata m(gguf);
    if (m.sentencepiece()) expect_plain_sentencepiece(gguf);
    const auto unknown = m.sentencepiece() ? m.unknown() : std::nullopt;
    const bool ignore_merges = !m.sentencepiece() && m.split() == Split::kLlama3;
    return fmt::format(
        R"({{"version":"1.0","truncation":null,"padding":null,"added_tokens":{},"normalizer":{},"pre_tokenizer":{},)"
        R"("post_processor":{},"decoder":{},"model":{{"type":"BPE","dropout":null,"unk_token":{},)"
        R"("continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":{},"byte_fallback":{},)"
        R"("ignore_merges":{},"vocab":{},"merges":{}}}}})"
        "\n",
        added_tokens(m).dump(), normalizer(m).dump(), pre_tokenizer(m).dump(), post_processor(m).dump(),
        decoder(m).dump(), unknown ? quoted(m.tokens()[*unknown]) : "null", m.sentencepiece(), m.sentencepiece(),
        ignore_merges, vocabulary(m), m.sentencepiece() ? scored_merges(gguf, m) : listed_merges(gguf));
}

std::string gguf_tokenizer_config(const Gguf& gguf) {
    const Metadata m(gguf);
    Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                   {"clean_up_tokenization_spaces", false},
                   {"add_bos_token", m.adds_bos()},
                   {"add_eos_token", m.adds_eos()}};
    const auto name = [&](const char* key, std::optional<size_t> id) {
        if (id) config[key] = m.tokens()[*id];
    };
    name("bos_token", m.bos());
    name("eos_token", m.eos());
    name("unk_token", m.unknown());
    name("pad_token", m.special("padding", std::nullopt));
    const std::string architecture(gguf.value("general.architecture").text());
    if (const auto length = gguf.find_value(architecture + ".context_length"))
        config["model_max_length"] = length->integer(1, INT64_MAX);
    return hf_json(config);
}

std::string_view gguf_chat_template(const Gguf& gguf) {
    const auto value = gguf.find_value("tokenizer.chat_template");
    return value ? value->text() : std::string_view();
}

}   // namespace llmft
