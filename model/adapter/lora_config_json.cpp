// LoraConfig ↔ adapter_config.json.
#include <fmt/format.h>

#include <algorithm>

#include "engine/io/json_field.h"
#include "engine/io/quote.h"
#include "model/adapter/lora_config.h"

namespace llmft {
namespace {

constexpr const char* kConfig = "adapter_config.json";
constexpr int64_t kMaxRank = 1 << 16;
constexpr int64_t kMaxLayer = 1 << 20;
// A module of a large model has an entry in a list and two patterns; each takes far more memory than its bytes.
constexpr int64_t kMostValues = 1 << 15;
constexpr size_t kMostPatterns = 1 << 12;

std::string shown(const Json& value) {
    return value.is_string() ? in_quotes(value.get<std::string>()) : value.dump().substr(0, 80);
}

// Fields that change the maths and have no code yet: absent, null, false, empty, or as a plain LoRA has them.
void refuse_what_is_not_built(const JsonField& config) {
    for (const auto& [name, value] : config.json().items()) {
        static constexpr const char* kPlain[] = {"r",
                                                 "lora_alpha",
                                                 "lora_dropout",
                                                 "target_modules",
                                                 "exclude_modules",
                                                 "bias",
                                                 "use_rslora",
                                                 "lora_bias",
                                                 "modules_to_save",
                                                 "init_lora_weights",
                                                 "rank_pattern",
                                                 "alpha_pattern",
                                                 "layers_to_transform",
                                                 "layers_pattern",
                                                 "peft_type",
                                                 "task_type",
                                                 "auto_mapping",
                                                 "peft_version",
                                                 "base_model_name_or_path",
                                                 "revision",
                                                 "inference_mode",
                                                 "megatron_core",
                                                 "qalora_group_size",
                                                 "runtime_config",
                                                 "eva_config"};
        if (std::find(std::begin(kPlain), std::end(kPlain), name) != std::end(kPlain)) continue;
        if (value.is_null() || value == false || value.empty()) continue;
        config.at(name).refuse("SCHEMA", fmt::format("{} is not supported", shown(value)),
                               "train the adapter without it, or merge it with PEFT first");
    }
}

ModuleNames read_names(const JsonField& field) {
    ModuleNames names;
    if (field.json().is_string()) {
        names.expression = field.text();
        if (is_all_linear(names.expression)) {
            names.kind = ModuleNames::Kind::kAllLinear;
        } else {
            names.kind = ModuleNames::Kind::kPattern;
            names.pattern.emplace(names.expression, field.file(), field.path());
        }
        return names;
    }
    for (const JsonField& item : field.items()) names.list.push_back(item.text());
    return names;
}

[[noreturn]] void refuse_many(const JsonField& patterns) {
    patterns.refuse("LIMIT", fmt::format("has {} patterns, at most {} are read", patterns.json().size(), kMostPatterns),
                    "give one that matches several modules");
}

std::optional<LayerChoice> read_layers(const JsonField& config) {
    const auto layers = config.find("layers_to_transform"), names = config.find("layers_pattern");
    if (!layers || layers->json().empty()) return std::nullopt;
    LayerChoice choice;
    for (const JsonField& layer : layers->json().is_array() ? layers->items() : std::vector{*layers})
        choice.layers.push_back(layer.integer(0, kMaxLayer));
    if (names && names->json().size() > kMostPatterns) refuse_many(*names);
    if (names)
        for (const JsonField& name : names->json().is_array() ? names->items() : std::vector{*names})
            choice.add_name(name.text(), name.file(), name.path());
    return choice;
}

template <class T, class Read>
PatternMap<T> read_map(const JsonField& config, const std::string& text, const char* key, Read&& read) {
    PatternMap<T> map;
    const auto field = config.find(key);
    if (!field) return map;
    field->expect_object();
    if (field->json().size() > kMostPatterns) refuse_many(*field);
    for (const std::string& name : keys_in_order(text, key)) {
        const JsonField value = field->at(name);
        map.add(name, read(value), value.file(), value.path());
    }
    return map;
}

// Other initialisations change the base when PEFT loads the adapter (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA).
void read_init(const JsonField& config, LoraConfig& c) {
    const auto field = config.find("init_lora_weights");
    if (!field) return;
    c.init_json = field->json();
    if (c.init_json == false)
        c.init = LoraInit::kRandomB;
    else if (c.init_json == "gaussian")
        c.init = LoraInit::kGaussian;
    else if (c.init_json == "orthogonal")
        c.init = LoraInit::kOrthogonal;
    else if (c.init_json != true && c.init_json != "eva")
        field->refuse("SCHEMA", fmt::format("{} is not supported", shown(c.init_json)),
                      "convert it to a plain LoRA with PEFT first");
}

TrainedBiases read_bias(const JsonField& config) {
    const std::string text = config.text_or("bias", "none");
    if (text == "none") return TrainedBiases::kNone;
    if (text == "all") return TrainedBiases::kAll;
    if (text == "lora_only") return TrainedBiases::kLoraOnly;
    config.at("bias").refuse("RANGE", fmt::format("is {}, wanted none, all or lora_only", in_quotes(text)),
                             "repair the file");
}

Json number_json(double value) {
    const auto whole = static_cast<int64_t>(value);
    return value == static_cast<double>(whole) ? Json(whole) : Json(value);
}

std::vector<std::string> last_names(const std::vector<std::string>& modules) {
    std::vector<std::string> names;
    for (const std::string& path : modules) names.push_back(path.substr(path.rfind('.') + 1));
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

Json names_json(const ModuleNames& names) {
    if (names.kind == ModuleNames::Kind::kPattern) return names.expression;
    return names.list.empty() ? Json(nullptr) : Json(names.list);
}

}   // namespace

LoraConfig read_lora_config(const std::filesystem::path& folder) {
    const std::string file = (folder / kConfig).string();
    const std::string text = read_file(file, JsonLimits{}.bytes);
    const Json document = parse_json(text, file, {.values = kMostValues});
    const JsonField config(document, file, "");
    config.expect_object();
    if (const JsonField type = config.at("peft_type"); type.text() != "LORA")
        type.refuse("SCHEMA", fmt::format("{} is not supported", in_quotes(type.text())), "give a LoRA adapter");
    refuse_what_is_not_built(config);
    LoraConfig c;
    c.file = file;
    if (const auto r = config.find("r")) c.r = r->integer(1, kMaxRank);
    if (const auto alpha = config.find("lora_alpha")) c.alpha = alpha->number(1e-9, 1e9);
    if (const auto dropout = config.find("lora_dropout")) c.dropout = dropout->number(0, 0.999);
    if (const auto targets = config.find("target_modules"))
        c.targets = read_names(*targets);
    else
        c.targets.list = {"q_proj", "v_proj"};   // PEFT's default for llama, mistral, qwen2 and qwen3
    if (const auto excluded = config.find("exclude_modules")) c.excluded = read_names(*excluded);
    c.ranks =
        read_map<int64_t>(config, text, "rank_pattern", [](const JsonField& f) { return f.integer(1, kMaxRank); });
    c.alphas = read_map<double>(config, text, "alpha_pattern", [](const JsonField& f) { return f.number(1e-9, 1e9); });
    c.layers = read_layers(config);
    c.bias = read_bias(config);
    c.use_rslora = config.flag_or("use_rslora", false);
    c.lora_bias = config.flag_or("lora_bias", false);
    if (const auto saved = config.find("modules_to_save"))
        for (const JsonField& name : saved->items()) c.modules_to_save.push_back(name.text());
    read_init(config, c);
    return c;
}

Json lora_config_json(const LoraConfig& c, const std::vector<std::string>& modules) {
    Json ranks = Json::object(), alphas = Json::object();
    for (const std::string& path : modules) {
        if (const int64_t rank = c.ranks.at(path, c.r); rank != c.r) ranks[path] = rank;
        if (const double alpha = c.alphas.at(path, c.alpha); alpha != c.alpha) alphas[path] = number_json(alpha);
    }
    const bool all_linear = c.targets.kind == ModuleNames::Kind::kAllLinear;
    const char* biases[] = {"none", "all", "lora_only"};
    const auto list_or_null = [](const auto& items) { return items.empty() ? Json(nullptr) : Json(items); };
    return {{"peft_type", "LORA"},
            {"task_type", "CAUSAL_LM"},
            {"auto_mapping", nullptr},
            {"base_model_name_or_path", c.base_model},
            {"revision", nullptr},
            {"inference_mode", true},
            {"r", c.r},
            {"lora_alpha", number_json(c.alpha)},
            {"lora_dropout", c.dropout},
            {"target_modules", all_linear ? Json(last_names(modules)) : names_json(c.targets)},
            {"exclude_modules", names_json(c.excluded)},
            {"bias", biases[static_cast<size_t>(c.bias)]},
            {"lora_bias", c.lora_bias},
            {"use_rslora", c.use_rslora},
            {"use_dora", false},
            {"modules_to_save", list_or_null(c.modules_to_save)},
            {"init_lora_weights", c.init_json},
            {"layers_to_transform", c.layers ? Json(c.layers->layers) : Json(nullptr)},
            {"layers_pattern", c.layers ? list_or_null(c.layers->names) : Json(nullptr)},
            {"rank_pattern", ranks},
            {"alpha_pattern", alphas},
            {"fan_in_fan_out", false},
            {"trainable_token_indices", nullptr}};
}

}   // namespace llmft
