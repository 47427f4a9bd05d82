#include <fmt/format.h>

#include "data/template/template.h"
#include "data/tokenizer/tokenizer.h"
#include "engine/io/json_field.h"
#include "tools/inspect/finding.h"
#include "tools/inspect/inspection.h"
#include "tools/inspect/parts.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

OrderedJson token_json(const std::optional<SpecialToken>& token) {
    return token ? OrderedJson{{"id", token->id}, {"text", token->text}} : OrderedJson(nullptr);
}

std::string tokens_text(const SpecialTokens& special) {
    std::string text;
    const auto add = [&](const char* name, const std::optional<SpecialToken>& token) {
        if (token) text += fmt::format("; {} {} ({})", name, token->text, token->id);
    };
    add("bos", special.bos);
    add("eos", special.eos);
    add("pad", special.pad);
    add("unk", special.unk);
    return text;
}

}   // namespace

Part tokenizer_part(const ModelSource& model) {
    Part part;
    if (!model.has("tokenizer.json")) {
        const bool model_alone = model.has("tokenizer.model");
        part.problem = model_alone ? "tokenizer.model alone is not read: rows of text need tokenizer.json"
                                   : "no tokenizer.json: rows of tokens alone";
        part.text = model_alone ? "tokenizer.model" : "none";
        return part;
    }
    part.problem = reason_against([&] {
        const Tokenizer tokenizer = Tokenizer::load(model);
        const SpecialTokens& special = tokenizer.special_tokens();
        part.text = fmt::format("{} tokens{}", tokenizer.vocab_size(), tokens_text(special));
        part.json = {{"tokens", tokenizer.vocab_size()}, {"bos", token_json(special.bos)},
                     {"eos", token_json(special.eos)},   {"pad", token_json(special.pad)},
                     {"unk", token_json(special.unk)},   {"notes", tokenizer.notes()}};
    });
    if (part.problem) part.text = "tokenizer.json";
    return part;
}

Part template_part(const ModelSource& model) {
    constexpr int64_t kMostBytes = int64_t{16} << 20;
    constexpr const char* kFile = "chat_template.jinja";
    constexpr const char* kConfig = "tokenizer_config.json";
    Part part;
    const auto found = [&](const char* file, const std::string& text) {
        part.text = fmt::format("{}, {} characters", file, characters_of(text));
        part.json = {{"file", file}, {"characters", characters_of(text)}};
        part.problem = reason_against([&] { Template(text, model.label(file)); });
        return part;
    };
    if (model.has(kFile)) return found(kFile, model.text(kFile, kMostBytes));
    if (model.has(kConfig)) {
        const Json config = model.json(kConfig, {.values = int64_t{1} << 18, .huge_integers = HugeIntegers::kDoubles});
        const auto field = JsonField(config, model.label(kConfig), "").find("chat_template");
        if (field && field->json().is_string()) return found(kConfig, field->text());
        if (field && field->json().is_array()) {
            part.text = fmt::format("{}, {} named templates", kConfig, field->json().size());
            part.json = {{"file", kConfig}, {"templates", field->json().size()}};
            return part;
        }
    }
    part.text = "none";
    part.problem = "no chat template";
    return part;
}

Inspection inspect_tokenizer(const ModelSource& folder) {
    const Part tokenizer = tokenizer_part(folder), chat = template_part(folder);
    Sheet sheet;
    sheet.title(folder.path() + ": a tokenizer, no model");
    sheet.row("tokenizer", tokenizer.text);
    sheet.row("chat template", chat.text);
    if (tokenizer.problem) sheet.row("llmft cannot", *tokenizer.problem);
    return {{{"kind", "tokenizer"},
             {"path", folder.path()},
             {"tokenizer", tokenizer.json},
             {"chat_template", chat.json},
             {"problem", tokenizer.problem ? OrderedJson(*tokenizer.problem) : OrderedJson(nullptr)}},
            sheet.text()};
}

}   // namespace llmft
