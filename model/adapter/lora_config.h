// What a LoRA adapter is: PEFT's LoraConfig (peft/tuners/lora/config.py), as a user's options say it or as
// adapter_config.json does. Fields that would change the mathematics and are not built are refused by name.
#pragma once

#include <filesystem>

#include "engine/io/json.h"
#include "model/adapter/targets.h"
#include "model/adapter/tuning.h"

namespace llmft {

// As typed: lists have commas between; patterns are key=value with commas between, or a JSON object.
struct LoraOptions {
    int64_t r = 16;
    double alpha = 0;   // 0: 2r
    double dropout = 0;
    std::string target_modules = "all-linear";   // or names, or re: and a regular expression
    std::string exclude_modules = {};            // names, or re: and a regular expression
    std::string rank_pattern = {};
    std::string alpha_pattern = {};
    std::string layers_to_transform = {};
    std::string layers_pattern = {};
    std::string bias = "none";
    bool use_rslora = false;
    bool lora_bias = false;
    std::string modules_to_save = {};
    std::string init_lora_weights = "true";
};

enum class LoraInit : uint8_t { kDefault, kRandomB, kGaussian, kOrthogonal };   // true, false, gaussian, orthogonal
enum class TrainedBiases : uint8_t { kNone, kAll, kLoraOnly };

struct LoraConfig {
    int64_t r = 8;   // 8: PEFT's defaults of missing fields
    double alpha = 8;
    double dropout = 0;
    ModuleNames targets;
    ModuleNames excluded;
    PatternMap<int64_t> ranks;
    PatternMap<double> alphas;
    std::optional<LayerChoice> layers;
    TrainedBiases bias = TrainedBiases::kNone;
    bool use_rslora = false;
    bool lora_bias = false;
    std::vector<std::string> modules_to_save;
    LoraInit init = LoraInit::kDefault;
    Json init_json = true;         // as the file says it: eva and the like are plain once trained
    std::string base_model = {};   // base_model_name_or_path: written, never followed
    std::string file = {};         // that it was read from; empty: made of options

    // UserError RANGE, with the file or flag, for a rank that is greater than the model's hidden size: so many columns
    // say nothing that fewer do not, and it is most often another model's adapter.
    ModuleTraining module(const ModuleSpec&) const;
    void expect_rank(std::string_view path, int64_t hidden_size) const;
};

// Throws UserError that names the flag.
LoraConfig lora_config(const LoraOptions& options);
// The same settings as options, to show and to run again.
LoraOptions lora_options(const LoraConfig& config);

// Throws UserError that names file and field: what is missing, out of range, or would change the maths and is not
// built.
LoraConfig read_lora_config(const std::filesystem::path& folder);
// adapter_config.json. modules: every adapted module in order; targets that are no list of names become one, and
// patterns whole paths, which no order of keys changes.
Json lora_config_json(const LoraConfig& config, const std::vector<std::string>& modules);

}   // namespace llmft
