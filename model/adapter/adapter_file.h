// A LoRA adapter in its folder, asked module by module without a model: for merging and combining. The keys of its
// tensors: model/adapter/peft.h.
#pragma once

#include <map>

#include "engine/io/safetensors.h"
#include "model/adapter/lora_config.h"

namespace llmft {

// ΔW = scaling·B·A of a linear W (out, in); of an embedding (V, C) its transpose: scaling·(B·A)ᵀ.
struct LowRank {
    const SafeTensor* a = nullptr;      // (rank, in); of an embedding (rank, V)
    const SafeTensor* b = nullptr;      // (out, rank); of an embedding (C, rank)
    const SafeTensor* bias = nullptr;   // (out) of lora_B, or null
    int64_t rank = 0;
    int64_t in = 0, out = 0;   // columns of a, rows of b
    double scaling = 0;
    bool embedding = false;
};

// What the adapter says of one module. Modules that it has a weight or a bias of are trained whole.
struct AdapterModule {
    std::optional<LowRank> low_rank;
    const SafeTensor* weight = nullptr;   // instead of the base's
    const SafeTensor* bias = nullptr;
};

class AdapterFile {
public:
    // Errors beside those of read_lora_config and Safetensors::open: UserError MISSING (a half of a pair), SHAPE (a
    // rank that the config does not give the module, halves that do not fit), EXTRA (a tensor of no known kind), DTYPE
    // and VALUE (neither f32, bf16 nor f16; NaN or infinite).
    static AdapterFile open(const std::filesystem::path& folder);

    const std::string& file() const { return tensors_.file(); }
    const LoraConfig& config() const { return config_; }
    const std::map<std::string, AdapterModule, std::less<>>& modules() const { return modules_; }   // by path
    const AdapterModule* find(std::string_view path) const;                                         // null: not adapted
    int64_t largest_rank() const;
    bool trains_whole() const;   // biases, or modules_to_save
    void expect_intact() const { tensors_.expect_intact(); }

private:
    AdapterFile(LoraConfig config, Safetensors tensors) : config_(std::move(config)), tensors_(std::move(tensors)) {}
    void add(const SafeTensor& tensor);
    void check(const std::string& path, LowRank& pair) const;

    LoraConfig config_;
    Safetensors tensors_;   // modules_ point into it, whose buffers stay put when it moves
    std::map<std::string, AdapterModule, std::less<>> modules_;
};

// A vector or matrix of the file as f32.
std::vector<float> adapter_values(const SafeTensor& tensor, const std::string& file);

}   // namespace llmft
