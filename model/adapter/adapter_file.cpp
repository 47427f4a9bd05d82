#include "model/adapter/adapter_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "engine/ops/upload.h"
#include "model/adapter/peft.h"
#include "model/names.h"

namespace llmft {
namespace {

constexpr const char* kAgain = "fetch the adapter again";

bool is_matrix(const SafeTensor* tensor) {
    return tensor != nullptr && tensor->shape.size() == 2;
}

}   // namespace

AdapterFile AdapterFile::open(const std::filesystem::path& folder) {
    AdapterFile adapter(read_lora_config(folder), open_peft_weights(folder));
    for (const SafeTensor& tensor : adapter.tensors_.tensors()) {
        const DType dtype = dtype_of(tensor, adapter.file());
        if (dtype != DType::kF32 && dtype != DType::kBf16 && dtype != DType::kF16)
            throw UserError("DTYPE", adapter.file(), tensor.name, fmt::format("{} is not supported", tensor.dtype),
                            "give f32, bf16 or f16");
        expect_finite(tensor, adapter.file());
        adapter.add(tensor);
    }
    for (auto& [path, module] : adapter.modules_)
        if (module.low_rank) adapter.check(path, *module.low_rank);
    return adapter;
}

void AdapterFile::add(const SafeTensor& tensor) {
    std::string_view key = tensor.name;
    if (!key.starts_with(kPeftPrefix)) throw UserError("EXTRA", file(), tensor.name, "no tensor of an adapter", kAgain);
    key.remove_prefix(std::string_view(kPeftPrefix).size());
    const auto module_before = [&](std::string_view suffix) -> AdapterModule* {
        return key.ends_with(suffix) ? &modules_[std::string(key.substr(0, key.size() - suffix.size()))] : nullptr;
    };
    const auto pair = [](AdapterModule& m) -> LowRank& { return m.low_rank ? *m.low_rank : m.low_rank.emplace(); };
    if (key.ends_with(".base_layer.weight")) return;   // the frozen base, which PEFT stores beside an embedding's pair
    if (AdapterModule* m = module_before(names::kLoraA)) {
        pair(*m).a = &tensor;
    } else if ((m = module_before(names::kLoraB))) {
        pair(*m).b = &tensor;
    } else if ((m = module_before(names::kLoraBias))) {
        pair(*m).bias = &tensor;
    } else if ((m = module_before(names::kLoraEmbeddingA))) {
        pair(*m).a = &tensor;
        pair(*m).embedding = true;
    } else if ((m = module_before(names::kLoraEmbeddingB))) {
        pair(*m).b = &tensor;
        pair(*m).embedding = true;
    } else if ((m = module_before(".base_layer.bias")) || (m = module_before(".bias"))) {
        m->bias = &tensor;
    } else if ((m = module_before(".weight"))) {
        m->weight = &tensor;
    } else {
        throw UserError("EXTRA", file(), tensor.name, "no tensor of a LoRA adapter", kAgain);
    }
}

void AdapterFile::check(const std::string& path, LowRank& pair) const {
    const auto refuse = [&](const char* kind, const std::string& what) {
        throw UserError(kind, file(), path, what, kAgain);
    };
    if (!is_matrix(pair.a) || !is_matrix(pair.b)) refuse("MISSING", "lora_A and lora_B must be two matrices");
    pair.rank = pair.a->shape[0];
    pair.in = pair.a->shape[1];
    pair.out = pair.b->shape[0];
    if (pair.b->shape[1] != pair.rank || pair.rank != config_.ranks.at(path, config_.r))
        refuse("SHAPE", fmt::format("lora_A has rank {}, lora_B {}, adapter_config.json says {}", pair.rank,
                                    pair.b->shape[1], config_.ranks.at(path, config_.r)));
    if (pair.bias != nullptr && pair.bias->shape != std::vector{pair.out})
        refuse("SHAPE",
               fmt::format("lora_B's bias has shape ({}), wanted ({})", fmt::join(pair.bias->shape, ", "), pair.out));
    const auto rank = static_cast<double>(pair.rank);
    pair.scaling = config_.alphas.at(path, config_.alpha) / (config_.use_rslora ? std::sqrt(rank) : rank);
}

const AdapterModule* AdapterFile::find(std::string_view path) const {
    const auto found = modules_.find(path);
    return found == modules_.end() ? nullptr : &found->second;
}

int64_t AdapterFile::largest_rank() const {
    int64_t rank = config_.r;
    for (const auto& entry : config_.ranks.entries) rank = std::max(rank, entry.value);
    return rank;
}

bool AdapterFile::trains_whole() const {
    return std::any_of(modules_.begin(), modules_.end(),
                       [](const auto& m) { return m.second.weight != nullptr || m.second.bias != nullptr; });
}

std::vector<float> adapter_values(const SafeTensor& tensor, const std::string& file) {
    const DType dtype = dtype_of(tensor, file);
    return ops::converted_to_f32(tensor.bytes.data(), dtype,
                                 static_cast<int64_t>(tensor.bytes.size()) / size_bytes(dtype));
}

}   // namespace llmft
