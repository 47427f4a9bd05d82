#include "data/tokenizer/special_tokens.h"

#include <fmt/format.h>

#include "engine/io/json_field.h"
#include "engine/io/quote.h"

namespace llmft {
namespace {

// Reads one of the model's files, if it is there.
class OptionalFile {
public:
    OptionalFile(const ModelSource& model, const char* name) : file_(model.label(name)) {
        // Each added token may be told of in seven values.
        if (model.has(name))
            json_ = model.json(name, {.values = int64_t{1} << 18, .huge_integers = HugeIntegers::kDoubles});
    }
    JsonField root() const { return {json_, file_, ""}; }

private:
    Json json_ = Json::object();
    std::string file_;
};

std::optional<SpecialToken> token_named(const JsonField& file, const std::string& key, const TokenLookup& lookup) {
    const auto field = file.find(key);
    if (!field) return std::nullopt;
    const std::string text = field->json().is_object() ? field->at("content").text() : field->text();
    const auto id = lookup.id_of(text);
    if (!id)
        field->refuse("RANGE", fmt::format("{} is not a token of tokenizer.json", in_quotes(text)),
                      "add it there, or name another");
    return SpecialToken{*id, text};
}

std::optional<SpecialToken> token_numbered(const JsonField& config, const std::string& key, const TokenLookup& lookup) {
    auto field = config.find(key);
    if (field && field->json().is_array()) {
        const std::vector<JsonField> items = field->items();
        if (items.empty()) return std::nullopt;
        field = items.front();
    }
    if (!field) return std::nullopt;
    const auto id = static_cast<int32_t>(field->integer(-1, INT32_MAX));
    const auto text = id < 0 ? std::nullopt : lookup.token(id);
    if (!text) return std::nullopt;
    return SpecialToken{id, *text};
}

}   // namespace

SpecialTokens read_special_tokens(const ModelSource& model, const TokenLookup& lookup) {
    const OptionalFile named(model, "tokenizer_config.json"), map(model, "special_tokens_map.json"),
        config(model, "config.json");
    const auto find = [&](const std::string& name) {
        const JsonField first = named.root();
        if (first.json().contains(name + "_token")) return token_named(first, name + "_token", lookup);   // null: none
        if (auto token = token_named(map.root(), name + "_token", lookup)) return token;
        return token_numbered(config.root(), name + "_token_id", lookup);
    };
    SpecialTokens tokens{
        .bos = find("bos"), .eos = find("eos"), .pad = find("pad"), .unk = find("unk"), .add_bos = {}, .add_eos = {}};
    if (const auto flag = named.root().find("add_bos_token")) tokens.add_bos = flag->flag();
    if (const auto flag = named.root().find("add_eos_token")) tokens.add_eos = flag->flag();
    return tokens;
}

}   // namespace llmft
