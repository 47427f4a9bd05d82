#include "data/chat.h"

#include "engine/io/json_field.h"

namespace llmft {
namespace {

constexpr const char *kFile = "chat_template.jinja", *kConfig = "tokenizer_config.json";
constexpr int64_t kLongestTemplate = int64_t{1} << 20;

Json config_of(const ModelSource& model, const char* file) {
    constexpr JsonLimits kLimits = {.values = int64_t{1} << 18, .huge_integers = HugeIntegers::kDoubles};
    return model.has(file) ? model.json(file, kLimits) : Json::object();
}

// The config's template of that name; "default" also means the only one.
std::optional<std::string> named_template(const Json& config, const std::string& file, const std::string& name) {
    const auto field = JsonField(config, file, "").find("chat_template");
    if (!field) return std::nullopt;
    if (!field->json().is_array()) return name == "default" ? std::optional(field->text()) : std::nullopt;
    for (const JsonField& one : field->items())
        if (one.at("name").text() == name) return one.at("template").text();
    return std::nullopt;
}

Template template_of(const ModelSource& model, const std::string& name) {
    if (model.has(kFile)) return Template(model.text(kFile, kLongestTemplate), model.label(kFile));
    const Json config = config_of(model, kConfig);
    const std::string where = model.label(kConfig);
    auto source = named_template(config, where, name);
    if (!source) source = named_template(config, where, "default");
    if (source) return Template(*source, where + ": chat_template");
    throw UserError("MISSING", model.path(), kFile, "the model has no chat template, so it was not taught to chat",
                    "give --prompt without --chat, or put a template there");
}

// Every name that ends in _token; a text, or an object with "content".
OrderedJson special_tokens_of(const ModelSource& model) {
    OrderedJson tokens = OrderedJson::object();
    for (const char* file : {"special_tokens_map.json", kConfig}) {   // the second wins
        const Json config = config_of(model, file);
        for (const auto& [name, value] : config.items()) {
            if (!name.ends_with("_token")) continue;
            const Json text = value.is_object() ? value.value("content", Json()) : value;
            if (text.is_string()) tokens[name] = text.get<std::string>();
        }
    }
    return tokens;
}

// transformers (chat_template_utils.py): what a model thought has three names, and templates may ask for any.
OrderedJson with_reasoning_names(const OrderedJson& messages) {
    if (!messages.is_array()) return messages;
    OrderedJson all = OrderedJson::array();
    for (const OrderedJson& message : messages) {
        OrderedJson one = message;
        for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
            if (!message.is_object() || !message.contains(name) || message.at(name).is_null()) continue;
            const OrderedJson thought = message.at(name);
            if (!one.contains("thinking")) one["thinking"] = thought;
            one["reasoning_content"] = thought;
            break;
        }
        all.push_back(std::move(one));
    }
    return all;
}

}   // namespace

bool ChatFormat::has_template(const ModelSource& model) {
    return model.has(kFile) || config_of(model, kConfig).contains("chat_template");
}

ChatFormat::ChatFormat(const ModelSource& model, const Tokenizer& tokenizer)
    : tokenizer_(tokenizer),
      special_tokens_(special_tokens_of(model)),
      plain_(template_of(model, "default")),
      with_tools_(template_of(model, "tool_use")) {}

std::string ChatFormat::text(const Conversation& conversation) const {
    OrderedJson variables = special_tokens_;
    variables["messages"] = with_reasoning_names(conversation.messages);
    variables["tools"] = conversation.tools;
    variables["documents"] = nullptr;
    variables["add_generation_prompt"] = conversation.ending == Conversation::Ending::kForAnswer;
    return (conversation.tools.is_null() ? plain_ : with_tools_).render(variables).text;
}

std::vector<int32_t> ChatFormat::ids(const Conversation& conversation) const {
    return tokenizer_.encode(text(conversation), AddSpecialTokens::kNo);
}

std::optional<int32_t> ChatFormat::end_of_turn() const {
    const std::string mark = "llmft-answer";
    const OrderedJson messages = {{{"role", "user"}, {"content", "a"}}, {{"role", "assistant"}, {"content", mark}}};
    std::string probe;
    try {
        probe = text({.messages = messages, .ending = Conversation::Ending::kAsItIs});
    } catch (const TemplateError&) {
        return std::nullopt;   // a template for other roles
    }
    const size_t at = probe.rfind(mark);
    if (at == std::string::npos) return std::nullopt;
    const size_t behind = probe.find_first_not_of(" \n", at + mark.size());
    if (behind == std::string::npos) return std::nullopt;
    const std::vector<int32_t> ids = tokenizer_.encode(probe.substr(behind), AddSpecialTokens::kNo);
    return !ids.empty() && tokenizer_.is_special(ids.front()) ? std::optional(ids.front()) : std::nullopt;
}

}   // namespace llmft
