#include <fmt/format.h>

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

Part tokenizer_part(const Path& folder) {
    Part part;
    if (!exists(folder / "tokenizer.json")) {
        const bool model_alone = exists(folder / "tokenizer.model");
        part.problem = model_alone ? "tokenizer.model alone is not read: rows of text need tokenizer.json"
                                   : "no tokenizer.json: rows of tokens alone";
        part.text = model_alone ? "tokenizer.model" : "none";
        return part;
    }
    part.problem = reason_against([&] {
        const Tokenizer tokenizer = Tokenizer::load(folder);
        const SpecialTokens& special = tokenizer.special_tokens();
        part.text = fmt::format("{} tokens{}", tokenizer.vocab_size(), tokens_text(special));
        part.json = {{"tokens", tokenizer.vocab_size()}, {"bos", token_json(special.bos)},
                     {"eos", token_json(special.eos)},   {"pad", token_json(special.pad)},
                     {"unk", token_json(special.unk)},   {"notes", tokenizer.notes()}};
    });
    if (part.problem) part.text = "tokenizer.json";
    return part;
}

Part template_part(const Path& folder) {
    constexpr int64_t kMostBytes = int64_t{16} << 20;
    Part part;
    if (const Path file = folder / "chat_template.jinja"; exists(file)) {
        const std::string text = read_file(file, kMostBytes);
        part.text = fmt::format("chat_template.jinja, {} characters", columns_of(text));
        part.json = {{"file", "chat_template.jinja"}, {"characters", columns_of(text)}};
        return part;
    }
    const Path file = folder / "tokenizer_config.json";
    if (exists(file)) {
        const Json config = parse_json_file(file, {.huge_integers = HugeIntegers::kDoubles});
        const auto found = JsonField(config, file.string(), "").find("chat_template");
        if (found && found->json().is_string()) {
            const size_t characters = columns_of(found->text());
            part.text = fmt::format("tokenizer_config.json, {} characters", characters);
            part.json = {{"file", "tokenizer_config.json"}, {"characters", characters}};
            return part;
        }
        if (found && found->json().is_array()) {
            part.text = fmt::format("tokenizer_config.json, {} named templates", found->json().size());
            part.json = {{"file", "tokenizer_config.json"}, {"templates", found->json().size()}};
            return part;
        }
    }
    part.text = "none";
    part.problem = "no chat template";
    return part;
}

Inspection inspect_tokenizer(const Path& folder) {
    const Part tokenizer = tokenizer_part(folder), chat = template_part(folder);
    Sheet sheet;
    sheet.title(folder.string() + ": a tokenizer, no model");
    sheet.row("tokenizer", tokenizer.text);
    sheet.row("chat template", chat.text);
    if (tokenizer.problem) sheet.row("llmft cannot", *tokenizer.problem);
    return {{{"kind", "tokenizer"},
             {"path", folder.string()},
             {"tokenizer", tokenizer.json},
             {"chat_template", chat.json},
             {"problem", tokenizer.problem ? OrderedJson(*tokenizer.problem) : OrderedJson(nullptr)}},
            sheet.text()};
}

}   // namespace llmft
