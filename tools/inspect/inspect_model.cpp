#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "engine/io/json_field.h"
#include "tools/inspect/finding.h"
#include "tools/inspect/inspection.h"
#include "tools/inspect/parts.h"
#include "tools/session.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

// A model that llmft does not compute is described all the same: its sizes are what config.json says, as far as it
// does.
class RawConfig {
public:
    explicit RawConfig(const ModelSource& model)
        : file_(model.label("config.json")), json_(model.json("config.json", JsonLimits{})) {
        root().expect_object();
    }
    JsonField root() const { return {json_, file_, ""}; }
    const Json& json() const { return json_; }
    const std::string& file() const { return file_; }

    std::optional<int64_t> number(const char* key) const {
        const auto found = root().find(key);
        return found && found->json().is_number_integer() ? std::optional(found->json().get<int64_t>()) : std::nullopt;
    }
    std::string text(const char* key) const {
        const auto found = root().find(key);
        return found && found->json().is_string() ? found->json().get<std::string>() : "";
    }
    // Every model of any family has these; without them the file is damaged, not foreign.
    void expect_sizes() const {
        for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"})
            root().at(key).integer(1, INT32_MAX);
    }

private:
    std::string file_;
    Json json_;
};

// A size, or what is not said.
std::string said(const std::optional<int64_t>& number) {
    return number ? std::to_string(*number) : "?";
}

OrderedJson number_json(const std::optional<int64_t>& number) {
    return number ? OrderedJson(*number) : OrderedJson(nullptr);
}

struct Rope {
    OrderedJson json;
    std::string text;
};

Rope rope_of(const RawConfig& config) {
    Json dict = Json::object();
    for (const char* key : {"rope_parameters", "rope_scaling"})
        if (const auto found = config.root().find(key); found && found->json().is_object() && !found->json().empty())
            dict = found->json();
    std::string type = "default";
    for (const char* key : {"type", "rope_type"})
        if (dict.contains(key) && dict[key].is_string()) type = dict[key].get<std::string>();
    Json theta = config.json().value("rope_theta", Json(nullptr));
    if (dict.contains("rope_theta")) theta = dict["rope_theta"];
    Rope rope = {.json = {{"type", type}, {"theta", theta}}, .text = type};
    if (type == "dynamic" || type == "longrope") rope.text += " (by the length of each document)";
    if (!theta.is_null()) rope.text += fmt::format(", theta {}", theta.dump());
    for (const auto& [key, value] : dict.items()) {
        if (key == "type" || key == "rope_type" || key == "rope_theta") continue;
        rope.json[key] = value;
        if (value.is_primitive()) rope.text += fmt::format(", {} {}", key, value.dump());
    }
    return rope;
}

struct Quantisation {
    OrderedJson json = nullptr;
    std::string text = "none";
};

Quantisation quantisation_of(const RawConfig& config) {
    const auto found = config.root().find("quantization_config");
    if (!found || !found->json().is_object()) return {};
    const Json& said = found->json();
    Quantisation q = {.json = said, .text = said.value("quant_method", Json("?")).dump()};
    if (said.value("load_in_4bit", Json(false)) == true)
        q.text = fmt::format("bitsandbytes {}{}", said.value("bnb_4bit_quant_type", Json("fp4")).get<std::string>(),
                             said.value("bnb_4bit_use_double_quant", Json(false)) == true ? ", twice quantised" : "");
    else if (said.value("load_in_8bit", Json(false)) == true)
        q.text = "bitsandbytes, 8 bits";
    return q;
}

// The weights: what is there, and whether it is what the config says. A folder without any is a model to plan with.
Part weights_part(const ModelSource& model, const std::optional<ModelConfig>& config) {
    Part part;
    part.text = "none";
    std::unique_ptr<ModelWeights> weights;
    part.problem = reason_against([&] { weights = model.weights(); });
    if (!weights) return part;
    std::map<std::string, int64_t> types, files;
    for (const StoredTensor& tensor : weights->tensors()) {
        ++types[tensor.type];
        files.try_emplace(tensor.file, static_cast<int64_t>(file_size(Path(tensor.file))));
    }
    int64_t bytes = 0;
    OrderedJson list = OrderedJson::array();
    for (const auto& [file, size] : files) {
        bytes += size;
        list.push_back({{"name", Path(file).filename().string()}, {"bytes", size}});
    }
    std::string tensors;
    for (const auto& [type, count] : types) tensors += fmt::format("{}{} {}", tensors.empty() ? "" : ", ", count, type);
    part.text = fmt::format(
        "{}, {}; {} tensors: {}",
        files.size() == 1 ? Path(files.begin()->first).filename().string() : fmt::format("{} files", files.size()),
        bytes_text(bytes), weights->tensors().size(), tensors);
    part.json = {
        {"files", std::move(list)}, {"bytes", bytes}, {"tensors", weights->tensors().size()}, {"types", types}};
    if (config) part.problem = reason_against([&] { expect_weights_of(*config, *weights); });
    return part;
}

struct Sizes {
    OrderedJson json;
    std::string shape, heads;
};

Sizes sizes_of(const RawConfig& raw, const std::optional<ModelConfig>& config) {
    const auto hidden = raw.number("hidden_size"), heads = raw.number("num_attention_heads");
    auto kv_heads = raw.number("num_key_value_heads"), head_dim = raw.number("head_dim");
    auto positions = raw.number("max_position_embeddings");
    if (config) {
        kv_heads = config->num_key_value_heads;
        head_dim = config->head_dim;
        positions = config->max_position_embeddings;
    }
    const auto layers = raw.number("num_hidden_layers"), mlp = raw.number("intermediate_size"),
               vocab = raw.number("vocab_size");
    return {.json = {{"num_hidden_layers", number_json(layers)},
                     {"hidden_size", number_json(hidden)},
                     {"intermediate_size", number_json(mlp)},
                     {"num_attention_heads", number_json(heads)},
                     {"num_key_value_heads", number_json(kv_heads)},
                     {"head_dim", number_json(head_dim)},
                     {"vocab_size", number_json(vocab)},
                     {"max_position_embeddings", number_json(positions)}},
            .shape = fmt::format("{} layers, {} wide, MLP {}, vocabulary {}", said(layers), said(hidden), said(mlp),
                                 said(vocab)),
            .heads = fmt::format("{} heads of {}, {} for keys and values; {} positions", said(heads), said(head_dim),
                                 said(kv_heads), said(positions))};
}

// What sets this model apart from a plain Llama.
struct Traits {
    OrderedJson json = OrderedJson::object();
    std::string text;
};

Traits traits_of(const ModelConfig& config) {
    Traits traits;
    const auto add = [&](bool has, const char* key, const char* what) {
        traits.json[key] = has;
        if (has) traits.text += (traits.text.empty() ? "" : ", ") + std::string(what);
    };
    add(config.qkv_bias, "qkv_bias", "biases of q, k, v");
    add(config.o_bias, "o_bias", "a bias of o");
    add(config.mlp_bias, "mlp_bias", "biases of the MLP");
    add(config.qk_norm, "qk_norm", "norms of q and k");
    int64_t windowed = 0;
    for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) windowed += config.window(layer) > 0;
    traits.json["sliding_window"] = windowed > 0 ? OrderedJson(config.sliding_window) : OrderedJson(nullptr);
    traits.json["windowed_layers"] = windowed;
    if (windowed > 0)
        traits.text += fmt::format("{}a window of {} keys in {} layers", traits.text.empty() ? "" : ", ",
                                   config.sliding_window, windowed);
    return traits;
}

}   // namespace

Inspection inspect_model(const ModelSource& model) {
    const RawConfig raw(model);
    std::optional<ModelConfig> config;
    const std::optional<std::string> foreign = reason_against([&] { config = read_model_config(model); });
    if (foreign) raw.expect_sizes();

    const Sizes sizes = sizes_of(raw, config);
    const Rope rope = rope_of(raw);
    const Quantisation quantisation = quantisation_of(raw);
    const Part weights = weights_part(model, config), tokenizer = tokenizer_part(model), chat = template_part(model);
    const std::string family = raw.text("model_type").empty() ? "?" : raw.text("model_type");
    const std::string dtype = raw.text("dtype").empty() ? raw.text("torch_dtype") : raw.text("dtype");
    const Json architectures = raw.json().value("architectures", Json::array());
    const OrderedJson parameters = config ? OrderedJson(parameter_count(*config)) : OrderedJson(nullptr);

    std::vector<std::string> problems;
    for (const auto& problem : {foreign, weights.problem, tokenizer.problem})
        if (problem) problems.push_back(*problem);
    if (chat.problem && !chat.json.is_null()) problems.push_back(*chat.problem);   // none at all is no fault
    std::string can = "nothing";
    if (config && weights.problem) can = "plan";
    if (config && !weights.problem) can = "plan, train, eval, generate, merge";
    if (config && !weights.problem && !config->quantization) can += ", quantize";
    if (config && !weights.problem && !tokenizer.problem && !chat.problem) can += "; chat through its template";

    Sheet sheet;
    sheet.title(fmt::format("{}: a {} model{}", model.path(), family,
                            config ? fmt::format(", {} parameters", short_count(parameter_count(*config))) : ""));
    sheet.row("sizes", sizes.shape);
    sheet.row("attention", sizes.heads);
    sheet.row("rope", rope.text);
    const Traits traits = config ? traits_of(*config) : Traits();
    if (!traits.text.empty()) sheet.row("", traits.text);
    if (config) sheet.row("head", config->tie_word_embeddings ? "the embedding (tied)" : "of its own");
    if (config) sheet.row("parameters", grouped_digits(parameter_count(*config)));
    sheet.row("dtype", dtype.empty() ? "not said" : dtype);
    sheet.row("quantised", quantisation.text);
    sheet.row("weights", weights.text);
    sheet.row("tokenizer", tokenizer.text);
    sheet.row("chat template", chat.text);
    sheet.row("llmft can", can);
    for (const std::string& problem : problems) sheet.row("but", problem);
    if (config && !config->unknown_keys.empty())
        sheet.row("not read", fmt::format("{}", fmt::join(config->unknown_keys, ", ")));

    OrderedJson tied = config ? OrderedJson(config->tie_word_embeddings) : OrderedJson(nullptr);
    return {{{"kind", "model"},
             {"path", model.path()},
             {"model_type", family},
             {"architectures", architectures},
             {"parameters", parameters},
             {"sizes", sizes.json},
             {"traits", traits.json},
             {"rope", rope.json},
             {"tie_word_embeddings", std::move(tied)},
             {"dtype", dtype.empty() ? OrderedJson(nullptr) : OrderedJson(dtype)},
             {"quantization", quantisation.json},
             {"weights", weights.json},
             {"tokenizer", tokenizer.json},
             {"chat_template", chat.json},
             {"usable",
              {{"plan", config.has_value()},
               {"weights", config.has_value() && !weights.problem},
               {"text", config.has_value() && !tokenizer.problem},
               {"chat", config.has_value() && !tokenizer.problem && !chat.problem}}},
             {"problems", problems}},
            sheet.text()};
}

}   // namespace llmft
