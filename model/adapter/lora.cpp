#include "model/adapter/lora.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/ops/upload.h"
#include "model/adapter/peft.h"
#include "model/decoder.h"
#include "model/load.h"

namespace llmft {
namespace {

std::vector<std::string> split_list(const std::string& text) {
    std::vector<std::string> items;
    for (size_t at = 0; at <= text.size();) {
        const size_t comma = std::min(text.find(',', at), text.size());
        if (comma > at) items.push_back(text.substr(at, comma - at));
        at = comma + 1;
    }
    return items;
}

bool is_a(const std::string& parameter) {
    return parameter.ends_with(".lora_A.weight");
}

// kaiming_uniform(a=√5) of a linear: U(−1/√in, 1/√in).
void draw_a(const Parameter& p, uint32_t seed, Run& run) {
    const HostRandom random(seed, purpose_of(p.name.c_str()));
    const float bound = 1 / std::sqrt(static_cast<float>(p.cols));
    std::vector<float> values(static_cast<size_t>(p.rows * p.cols));
    for (size_t i = 0; i < values.size(); ++i) values[i] = bound * (2 * random.uniform(i) - 1);
    run.device.upload(p.value, values.data(), run.stream);
    run.device.synchronize(run.stream);
}

}   // namespace

Lora::Lora(const LoraOptions& options, uint32_t seed) : options_(options), seed_(seed) {
    if (options.target_modules != "all-linear") targets_ = split_list(options.target_modules);
}

Lora Lora::from_folder(const std::filesystem::path& folder, double dropout) {
    const PeftConfig config = read_peft_config(folder);
    Lora lora({.r = config.r, .alpha = config.alpha, .dropout = dropout, .target_modules = "all-linear"}, 0);
    lora.targets_ = config.target_modules;
    lora.start_ = folder;
    return lora;
}

// PEFT's rule for a list: the whole path, or its end after a dot.
LinearTraining Lora::linear(std::string_view module, int64_t, int64_t) const {
    const bool targeted =
        targets_.empty() || std::any_of(targets_.begin(), targets_.end(), [&](const std::string& target) {
            return module == target || module.ends_with("." + target);
        });
    if (!targeted) return {};
    return {.training = LinearGroup::Training::kAdapters,
            .rank = options_.r,
            .scaling = options_.scaling(),
            .dropout = options_.dropout};
}

void Lora::expect_targets(const std::vector<Parameter>& parameters) const {
    for (const std::string& target : targets_)
        if (std::none_of(parameters.begin(), parameters.end(), [&](const Parameter& p) {
                const std::string path = "." + p.name;
                return is_a(path) && path.substr(0, path.rfind(".lora_A.weight")).ends_with("." + target);
            }))
            throw UserError("USAGE", "--target-modules", target, "no linear of the model matches",
                            "use all-linear, or names such as q_proj,v_proj");
}

void Lora::initialise(Decoder& model, Run& run) {
    model_ = &model;
    const auto& parameters = static_cast<const Decoder&>(model).parameters().parameters();
    if (parameters.empty() && !start_.empty())
        throw UserError("SHAPE", (start_ / "adapter_config.json").string(), "target_modules",
                        "no linear of the model matches", "give the base model that the adapter was trained on");
    if (start_.empty()) expect_targets(parameters);
    if (run.device.kind() == DeviceKind::kDry) return;
    if (!start_.empty()) return read_peft_weights(start_, parameters, run);
    for (const Parameter& p : parameters)
        if (is_a(p.name)) draw_a(p, seed_, run);
}

void Lora::before_step(int64_t, Run& run) {
    model_->publish(run);
}

void Lora::save(const Decoder& model, const SaveFolders& folders, Run& run) const {
    std::vector<std::string> modules;
    for (const Parameter& p : model.parameters().parameters()) {
        if (!is_a(p.name)) continue;
        const std::string path = p.name.substr(0, p.name.size() - std::string_view(".lora_A.weight").size());
        const std::string last = path.substr(path.rfind('.') + 1);
        if (std::find(modules.begin(), modules.end(), last) == modules.end()) modules.push_back(last);
    }
    std::sort(modules.begin(), modules.end());
    const PeftConfig config = {.r = options_.r,
                               .alpha = options_.resolved_alpha(),
                               .dropout = options_.dropout,
                               .target_modules = targets_.empty() ? modules : targets_,
                               .base_model = folders.base.path()};
    write_peft(folders.output, config, model.parameters().parameters(), run);
}

}   // namespace llmft
