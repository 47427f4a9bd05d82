// LoRA (Hu et al. 2021), with PEFT's meaning of every option and PEFT's files.
#pragma once

#include "model/adapter/lora_config.h"

namespace llmft {

class Lora final : public Tuning {
public:
    // A fresh adapter: model/adapter/lora_init.h.
    Lora(const LoraOptions& options, uint32_t seed);
    // Continues the adapter in a folder that PEFT or llmft wrote: its config holds; `dropout` is the run's.
    static Lora from_folder(const std::filesystem::path& folder, double dropout);

    ModuleTraining module(const ModuleSpec& spec) const override { return config_.module(spec); }
    TiedHead tied_head() const override { return TiedHead::kStays; }
    void initialise(Decoder& model, Run& run) override;
    void before_step(int64_t step, Run& run) override;
    void after_grads(int64_t, Run&) override {}
    void save(const Decoder& model, const SaveFolders& folders, Run& run) const override;

    const LoraConfig& config() const { return config_; }

private:
    void expect_targets(const Decoder& model) const;   // refuses one that no module has

    LoraConfig config_;
    uint32_t seed_ = 0;
    std::filesystem::path start_;   // folder to continue from, or empty
    Decoder* model_ = nullptr;
};

}   // namespace llmft
