// Several LoRA adapters over one base, loaded together and switched by name, for generation and evaluation. Each module
// gets the largest of their ranks; a smaller adapter is filled up with zeros, and its α/r is folded into its B, so that
// switching copies numbers and changes no shape.
#pragma once

#include <string>
#include <vector>

#include "model/adapter/lora_config.h"

namespace llmft {

class AdapterSet final : public Tuning {
public:
    // Folders that PEFT or llmft wrote. An adapter is called as its folder is; two of one name, trained biases and
    // modules saved whole are refused (UserError).
    explicit AdapterSet(const std::vector<std::filesystem::path>& folders);

    ModuleTraining module(const ModuleSpec& spec) const override;
    TiedHead tied_head() const override { return TiedHead::kStays; }
    // Reads all of them; the first is switched on.
    void initialise(Decoder& model, Run& run) override;
    void before_step(int64_t, Run&) override {}
    void after_grads(int64_t, Run&) override {}
    void save(const Decoder&, const SaveFolders&, Run&) const override;

    static constexpr const char* kNone = "none";   // the base alone
    std::vector<std::string> names() const;        // in the order given
    // Switches to an adapter, or to none of them. Throws UserError for a name that is not there.
    void select(const std::string& name, Run& run);

private:
    struct Adapter {
        std::string name;
        std::filesystem::path folder;
        LoraConfig config;
        std::vector<std::vector<float>> values;   // of each parameter
    };
    void read(Adapter& adapter, Run& run) const;

    std::vector<Adapter> adapters_;
    Decoder* model_ = nullptr;
    std::string selected_;
};

}   // namespace llmft
