#include "model/adapter/peft.h"

#include <fmt/format.h>

#include "engine/io/file.h"
#include "engine/io/json_field.h"
#include "engine/io/quote.h"
#include "engine/io/safetensors.h"
#include "engine/ops/upload.h"
#include "model/load.h"

namespace llmft {
namespace {

constexpr const char* kPrefix = "base_model.model.";
constexpr const char* kWeights = "adapter_model.safetensors";
constexpr const char* kConfig = "adapter_config.json";

// Fields that change the maths and have no code yet: absent, null, false, empty, or as a plain LoRA has them.
void refuse_what_is_not_built(const JsonField& config) {
    for (const char* name : {"use_rslora",          "use_dora",          "lora_bias",       "fan_in_fan_out",
                             "use_qalora",          "rank_pattern",      "alpha_pattern",   "modules_to_save",
                             "layers_to_transform", "layers_pattern",    "exclude_modules", "trainable_token_indices",
                             "layer_replication",   "target_parameters", "loftq_config",    "alora_invocation_tokens",
                             "eva_config",          "corda_config",      "lora_ga_config",  "use_bdlora",
                             "arrow_config",        "kasa_config",       "velora_config",   "monteclora_config"}) {
        const auto field = config.find(name);
        if (!field || field->json() == false || field->json().empty()) continue;
        field->refuse("SCHEMA", fmt::format("{} is not supported", field->json().dump()),
                      "this version continues plain LoRA adapters");
    }
    // Other initialisations change the base when PEFT loads the adapter (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA).
    if (const auto init = config.find("init_lora_weights"))
        if (!init->json().is_boolean() && init->json() != "gaussian" && init->json() != "eva" &&
            init->json() != "orthogonal")
            init->refuse("SCHEMA", fmt::format("{} is not supported", init->json().dump()),
                         "convert it to a plain LoRA with PEFT first");
    if (config.text_or("bias", "none") != "none")
        config.at("bias").refuse("SCHEMA", "trained biases are not supported", "use bias none");
}

}   // namespace

PeftConfig read_peft_config(const std::filesystem::path& folder) {
    const std::string file = (folder / kConfig).string();
    const Json document = parse_json_file(file, JsonLimits{});
    const JsonField config(document, file, "");
    config.expect_object();
    if (const JsonField type = config.at("peft_type"); type.text() != "LORA")
        type.refuse("SCHEMA", fmt::format("{} is not supported", in_quotes(type.text())), "give a LoRA adapter");
    refuse_what_is_not_built(config);
    constexpr int64_t kMaxRank = 1 << 16;
    const auto r = config.find("r"), alpha = config.find("lora_alpha"), dropout = config.find("lora_dropout");
    PeftConfig result = {.r = r ? r->integer(1, kMaxRank) : 8,   // 8: PEFT's defaults of missing fields
                         .alpha = alpha ? alpha->number(1e-9, 1e9) : 8,
                         .dropout = dropout ? dropout->number(0, 0.999) : 0,
                         .target_modules = {},
                         .base_model = ""};
    const JsonField targets = config.at("target_modules");
    if (!targets.json().is_array())
        targets.refuse("SCHEMA", "it must be a list of module names", "save the adapter with an explicit list");
    for (const JsonField& target : targets.items()) result.target_modules.push_back(target.text());
    return result;
}

void read_peft_weights(const std::filesystem::path& folder, const std::vector<Parameter>& parameters, Run& run) {
    const std::filesystem::path path = folder / kWeights;
    if (!std::filesystem::exists(path) && std::filesystem::exists(folder / "adapter_model.bin"))
        throw UserError("UNSAFE", (folder / "adapter_model.bin").string(), "", "a pickle is not read",
                        "save it with safe_serialization=True");
    const Safetensors file = Safetensors::open(path);
    if (file.tensors().size() != parameters.size())
        throw UserError("SHAPE", path.string(), "",
                        fmt::format("{} tensors, the targets of adapter_config.json make {} on this model",
                                    file.tensors().size(), parameters.size()),
                        "give the base model that the adapter was trained on");
    for (const Parameter& p : parameters) {
        const SafeTensor* tensor = file.find(kPrefix + p.name);
        if (!tensor)
            throw UserError("MISSING", path.string(), kPrefix + p.name, "no such tensor",
                            "give the base model that the adapter was trained on");
        load_tensor(*tensor, path.string(), p.value, run);
    }
    file.expect_intact();
}

void write_peft(const std::filesystem::path& folder, const PeftConfig& config, const std::vector<Parameter>& parameters,
                Run& run) {
    std::vector<float> buffer;
    std::vector<TensorToWrite> tensors;
    for (const Parameter& p : parameters)
        tensors.push_back(
            {.name = kPrefix + p.name, .dtype = DType::kF32, .shape = {p.rows, p.cols}, .bytes = [&p, &run, &buffer] {
                 buffer.resize(static_cast<size_t>(p.rows * p.cols));
                 run.device.download(buffer.data(), p.value, run.stream);
                 return std::as_bytes(std::span(buffer));
             }});
    write_safetensors(folder / kWeights, tensors);
    const bool whole = config.alpha == static_cast<double>(static_cast<int64_t>(config.alpha));
    const Json json = {{"peft_type", "LORA"},
                       {"task_type", "CAUSAL_LM"},
                       {"auto_mapping", nullptr},
                       {"base_model_name_or_path", config.base_model},
                       {"revision", nullptr},
                       {"inference_mode", true},
                       {"r", config.r},
                       {"lora_alpha", whole ? Json(static_cast<int64_t>(config.alpha)) : Json(config.alpha)},
                       {"lora_dropout", config.dropout},
                       {"target_modules", config.target_modules},
                       {"exclude_modules", nullptr},
                       {"bias", "none"},
                       {"lora_bias", false},
                       {"use_rslora", false},
                       {"use_dora", false},
                       {"modules_to_save", nullptr},
                       {"init_lora_weights", true},
                       {"layers_to_transform", nullptr},
                       {"layers_pattern", nullptr},
                       {"rank_pattern", Json::object()},
                       {"alpha_pattern", Json::object()},
                       {"fan_in_fan_out", false},
                       {"trainable_token_indices", nullptr}};
    write_file(folder / kConfig, hf_json(json));
}

}   // namespace llmft
