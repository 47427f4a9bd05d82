#include "model/adapter/lora.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/adapter/lora_init.h"
#include "model/adapter/peft.h"
#include "model/decoder.h"
#include "model/names.h"

namespace llmft {
namespace {

// Paths of the modules that have an adapter, in order.
std::vector<std::string> adapted_modules(const std::vector<Parameter>& parameters) {
    std::vector<std::string> modules;
    for (const Parameter& p : parameters)
        for (const char* suffix : {names::kLoraA, names::kLoraEmbeddingA})
            if (p.name.ends_with(suffix))
                modules.push_back(p.name.substr(0, p.name.size() - std::string_view(suffix).size()));
    return modules;
}

}   // namespace

Lora::Lora(const LoraOptions& options, uint32_t seed) : config_(lora_config(options)), seed_(seed) {}

Lora Lora::from_folder(const std::filesystem::path& folder, double dropout) {
    Lora lora({}, 0);
    lora.config_ = read_lora_config(folder);
    lora.config_.dropout = dropout;
    lora.start_ = folder;
    return lora;
}

void Lora::expect_targets(const Decoder& model) const {
    const std::vector<std::string> modules = adapted_modules(model.parameters().parameters());
    const auto missing = [](const std::string& name, const char* flag, const char* remedy) {
        throw UserError("USAGE", flag, name, "no module of the model matches", remedy);
    };
    constexpr const char* kTargets = "use all-linear, or names such as q_proj,v_proj";
    if (config_.layers)
        for (const int64_t layer : config_.layers->layers)
            if (layer >= model.config().num_hidden_layers)
                throw UserError("RANGE", "--layers-to-transform", std::to_string(layer),
                                fmt::format("the model has layers 0 to {}", model.config().num_hidden_layers - 1),
                                "name layers that are there");
    if (modules.empty() && config_.modules_to_save.empty())
        throw UserError("USAGE", "--target-modules", lora_options(config_).target_modules,
                        "no module of the model gets an adapter",
                        "look at --target-modules, --exclude-modules, --layers-to-transform and --layers-pattern");
    for (const std::string& target : config_.targets.list) {
        const auto named = [&](const std::string& path) { return names_module(target, path); };
        const bool hidden = config_.layers || !config_.excluded.list.empty() || config_.excluded.pattern ||
                            !config_.modules_to_save.empty();
        if (std::none_of(modules.begin(), modules.end(), named) && (!hidden || modules.empty()))
            missing(target, "--target-modules", kTargets);
    }
    const auto& parameters = model.parameters().parameters();
    for (const std::string& saved : config_.modules_to_save)
        if (std::none_of(parameters.begin(), parameters.end(), [&](const Parameter& p) {
                return p.name.find("lora_") == std::string::npos &&
                       saved_whole({saved}, p.name.substr(0, p.name.rfind('.')));
            }))
            missing(saved, "--modules-to-save", "name modules such as norm, lm_head or embed_tokens");
}

void Lora::initialise(Decoder& model, Run& run) {
    model_ = &model;
    const std::vector<Parameter>& parameters = std::as_const(model).parameters().parameters();
    if (parameters.empty() && !start_.empty())
        throw UserError("SHAPE", (start_ / "adapter_config.json").string(), "target_modules",
                        "no module of the model matches", "give the base model that the adapter was trained on");
    if (start_.empty()) expect_targets(model);
    if (run.device.kind() == DeviceKind::kDry) return;
    if (start_.empty())
        initialise_lora(parameters, config_.init, seed_, run);
    else
        read_peft_weights(start_, parameters, run);
}

void Lora::before_step(int64_t, Run& run) {
    model_->publish(run);
}

void Lora::save(const Decoder& model, const SaveFolders& folders, Run& run) const {
    const std::vector<Parameter>& parameters = model.parameters().parameters();
    LoraConfig config = config_;
    config.base_model = folders.base.path();
    write_peft(folders.output, lora_config_json(config, adapted_modules(parameters)), parameters, run);
}

}   // namespace llmft
