// LoRA (Hu et al. 2021), with PEFT's meaning of every option and PEFT's files.
#pragma once

#include <vector>

#include "model/adapter/tuning.h"

namespace llmft {

struct LoraOptions {
    int64_t r = 16;
    double alpha = 0;   // 0: 2r
    double dropout = 0;
    std::string target_modules = "all-linear";   // or a comma list of module names: the last parts of their paths

    double resolved_alpha() const { return alpha == 0 ? 2.0 * static_cast<double>(r) : alpha; }
    double scaling() const { return resolved_alpha() / static_cast<double>(r); }
};

class Lora final : public Tuning {
public:
    // A fresh adapter: A ~ U(±1/√in), B = 0 (PEFT's init_lora_weights=true), numbers keyed by seed and parameter name.
    Lora(const LoraOptions& options, uint32_t seed);
    // Continues the adapter in a folder that PEFT or llmft wrote: its r, alpha and targets hold; `dropout` is the
    // run's.
    static Lora from_folder(const std::filesystem::path& folder, double dropout);

    LinearTraining linear(std::string_view module, int64_t in, int64_t out) const override;
    LinearGroup::Training rest() const override { return LinearGroup::Training::kFrozen; }
    void initialise(Decoder& model, Run& run) override;
    void before_step(int64_t step, Run& run) override;
    void after_grads(int64_t, Run&) override {}
    void save(const Decoder& model, const SaveFolders& folders, Run& run) const override;

    const LoraOptions& options() const { return options_; }

private:
    void expect_targets(const std::vector<Parameter>& parameters) const;   // refuses one that no linear has

    LoraOptions options_;
    std::vector<std::string> targets_;   // empty: all linears
    uint32_t seed_ = 0;
    std::filesystem::path start_;   // folder to continue from, or empty
    std::string base_model_;        // written as base_model_name_or_path
    Decoder* model_ = nullptr;
};

}   // namespace llmft
