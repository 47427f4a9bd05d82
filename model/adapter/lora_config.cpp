#include "model/adapter/lora_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "model/names.h"

namespace llmft {
namespace {

constexpr std::string_view kExpression = "re:";
constexpr int64_t kMaxRank = 1 << 16;

std::vector<std::string> split_list(const std::string& text) {
    std::vector<std::string> items;
    for (size_t at = 0; at <= text.size();) {
        const size_t comma = std::min(text.find(',', at), text.size());
        std::string_view item = std::string_view(text).substr(at, comma - at);   // without spaces around it
        item.remove_prefix(std::min(item.find_first_not_of(' '), item.size()));
        item = item.substr(0, item.find_last_not_of(' ') + 1);
        if (!item.empty()) items.emplace_back(item);
        at = comma + 1;
    }
    return items;
}

std::string joined(const std::vector<std::string>& items) {
    return fmt::format("{}", fmt::join(items, ","));
}

ModuleNames module_names(const std::string& text, const char* flag) {
    ModuleNames names;
    if (is_all_linear(text)) {
        names.kind = ModuleNames::Kind::kAllLinear;
    } else if (text.starts_with(kExpression)) {
        names.kind = ModuleNames::Kind::kPattern;
        names.expression = text.substr(kExpression.size());
        names.pattern.emplace(names.expression, flag, names.expression);
    } else {
        names.list = split_list(text);
    }
    return names;
}

// PEFT writes all-linear into a file as the list of what it names.
bool names_all_linear(const ModuleNames& names) {
    constexpr std::array kLinears = {names::kQ,    names::kK,  names::kV,   names::kO,
                                     names::kGate, names::kUp, names::kDown};
    return names.list.size() == kLinears.size() &&
           std::all_of(kLinears.begin(), kLinears.end(), [&](const char* path) { return names.match(path); });
}

std::string text_of(const ModuleNames& names) {
    switch (names.kind) {
        case ModuleNames::Kind::kAllLinear: return "all-linear";
        case ModuleNames::Kind::kPattern: return std::string(kExpression) + names.expression;
        case ModuleNames::Kind::kList: break;
    }
    return names_all_linear(names) ? "all-linear" : joined(names.list);
}

template <class T>
T number(std::string_view text, const char* flag, double least, double most) {
    T value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(static_cast<double>(value) >= least) ||
        !(static_cast<double>(value) <= most))
        throw UserError("VALUE", flag, std::string(text), fmt::format("wanted a number from {} to {}", least, most),
                        "give one");
    return value;
}

// key=value,key=value, or a JSON object.
template <class T>
PatternMap<T> pattern_map(const std::string& text, const char* flag, double least, double most) {
    PatternMap<T> map;
    if (text.starts_with('{')) {
        const Json json = parse_json(text, flag, {});
        for (const std::string& key : keys_in_order(fmt::format("{{\"map\":{}}}", text), "map"))
            map.add(key, number<T>(json.at(key).dump(), flag, least, most), flag, key);
        return map;
    }
    for (const std::string& item : split_list(text)) {
        const size_t equals = item.rfind('=');
        if (equals == std::string::npos || equals == 0)
            throw UserError("VALUE", flag, item, "wanted key=value", "write for example q_proj=8,v_proj=4");
        const std::string key = item.substr(0, equals);
        map.add(key, number<T>(std::string_view(item).substr(equals + 1), flag, least, most), flag, key);
    }
    return map;
}

template <class T>
std::string text_of(const PatternMap<T>& map) {
    if (map.entries.empty()) return "";
    OrderedJson json = OrderedJson::object();
    for (const auto& entry : map.entries) json[entry.key] = entry.value;
    return json.dump();
}

std::optional<LayerChoice> layer_choice(const LoraOptions& options) {
    if (options.layers_to_transform.empty()) {
        if (!options.layers_pattern.empty())
            throw UserError("USAGE", "--layers-pattern", options.layers_pattern, "it needs layers",
                            "give --layers-to-transform too");
        return std::nullopt;
    }
    LayerChoice choice;
    for (const std::string& item : split_list(options.layers_to_transform))
        choice.layers.push_back(number<int64_t>(item, "--layers-to-transform", 0, 1 << 20));
    for (const std::string& name : split_list(options.layers_pattern)) choice.add_name(name, "--layers-pattern", name);
    return choice;
}

}   // namespace

LoraConfig lora_config(const LoraOptions& options) {
    LoraConfig c;
    c.r = options.r;
    c.alpha = options.alpha == 0 ? 2.0 * static_cast<double>(options.r) : options.alpha;
    c.dropout = options.dropout;
    c.targets = module_names(options.target_modules, "--target-modules");
    c.excluded = module_names(options.exclude_modules, "--exclude-modules");
    if (c.excluded.kind == ModuleNames::Kind::kAllLinear)
        throw UserError("VALUE", "--exclude-modules", options.exclude_modules, "nothing would be left", "name modules");
    c.ranks = pattern_map<int64_t>(options.rank_pattern, "--rank-pattern", 1, kMaxRank);
    c.alphas = pattern_map<double>(options.alpha_pattern, "--alpha-pattern", 1e-9, 1e9);
    c.layers = layer_choice(options);
    if (c.layers && c.targets.kind == ModuleNames::Kind::kPattern)
        throw UserError("USAGE", "--layers-to-transform", options.layers_to_transform,
                        "a target that is a regular expression names its layers itself", "drop one of the two");
    c.bias = options.bias == "all"         ? TrainedBiases::kAll
             : options.bias == "lora_only" ? TrainedBiases::kLoraOnly
                                           : TrainedBiases::kNone;
    c.use_rslora = options.use_rslora;
    c.lora_bias = options.lora_bias;
    c.modules_to_save = split_list(options.modules_to_save);
    c.init = options.init_lora_weights == "false"        ? LoraInit::kRandomB
             : options.init_lora_weights == "gaussian"   ? LoraInit::kGaussian
             : options.init_lora_weights == "orthogonal" ? LoraInit::kOrthogonal
                                                         : LoraInit::kDefault;
    c.init_json = options.init_lora_weights == "true"    ? Json(true)
                  : options.init_lora_weights == "false" ? Json(false)
                                                         : Json(options.init_lora_weights);
    if (c.init == LoraInit::kOrthogonal) {
        bool odd = c.r % 2 != 0;
        for (const auto& entry : c.ranks.entries) odd = odd || entry.value % 2 != 0;
        if (odd)
            throw UserError("RANGE", "--init-lora-weights", "orthogonal", "a rank is odd",
                            "use even ranks in --lora-r and --rank-pattern");
    }
    if (c.lora_bias && !c.init_json.is_boolean())
        throw UserError("USAGE", "--lora-bias", "", "PEFT has it with --init-lora-weights true or false alone",
                        "drop one of the two");
    return c;
}

LoraOptions lora_options(const LoraConfig& c) {
    LoraOptions o;
    o.r = c.r;
    o.alpha = c.alpha;
    o.dropout = c.dropout;
    o.target_modules = text_of(c.targets);
    o.exclude_modules = text_of(c.excluded);
    o.rank_pattern = text_of(c.ranks);
    o.alpha_pattern = text_of(c.alphas);
    if (c.layers) {
        o.layers_to_transform = fmt::format("{}", fmt::join(c.layers->layers, ","));
        o.layers_pattern = joined(c.layers->names);
    }
    o.bias = c.bias == TrainedBiases::kAll ? "all" : c.bias == TrainedBiases::kLoraOnly ? "lora_only" : "none";
    o.use_rslora = c.use_rslora;
    o.lora_bias = c.lora_bias;
    o.modules_to_save = joined(c.modules_to_save);
    o.init_lora_weights = c.init_json.is_string() ? c.init_json.get<std::string>() : c.init_json.dump();
    return o;
}

void LoraConfig::expect_rank(std::string_view path, int64_t hidden_size) const {
    const int64_t rank = ranks.at(path, r);
    if (rank <= hidden_size) return;
    const bool by_pattern = ranks.at(path, 0) != 0;
    const std::string what = fmt::format("is {} for {}, more than the hidden size {}", rank, path, hidden_size);
    if (file.empty())
        throw UserError("RANGE", by_pattern ? "--rank-pattern" : "--lora-r", "", what,
                        fmt::format("give at most {}", hidden_size));
    throw UserError("RANGE", file, by_pattern ? "rank_pattern" : "r", what,
                    "give the base model that the adapter was trained on");
}

// The order of the questions is PEFT's: what is excluded, what is saved whole, then the targets.
ModuleTraining LoraConfig::module(const ModuleSpec& spec) const {
    using Kind = ModuleSpec::Kind;
    ModuleTraining t;
    if (saved_whole(modules_to_save, spec.path)) return {.weight = true, .bias = true};
    if (spec.kind == Kind::kNorm) return t;
    const bool target =
        targets.kind == ModuleNames::Kind::kAllLinear ? spec.kind == Kind::kLinear : targets.match(spec.path);
    const bool adapted = target && !excluded.match(spec.path) && (!layers || layers->chosen(spec.path));
    t.bias = bias == TrainedBiases::kAll || (bias == TrainedBiases::kLoraOnly && adapted);
    if (!adapted) return t;
    expect_rank(spec.path, spec.hidden_size);
    t.rank = ranks.at(spec.path, r);
    const double rank = static_cast<double>(t.rank);
    t.scaling = alphas.at(spec.path, alpha) / (use_rslora ? std::sqrt(rank) : rank);
    t.dropout = spec.kind == Kind::kEmbedding ? 0 : dropout;
    t.lora_bias = lora_bias && spec.kind != Kind::kEmbedding;
    return t;
}

}   // namespace llmft
