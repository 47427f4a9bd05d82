#include "model/adapter/combine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/io/file.h"
#include "model/adapter/peft.h"
#include "model/names.h"

namespace llmft {
namespace {

// One adapter's pair of a module.
struct Term {
    const AdapterFile* adapter;
    const LowRank* pair;
    double factor;   // weight · scaling
};

struct CombinedModule {
    std::string path;
    std::vector<Term> terms;
    int64_t rank = 0;   // of the result, at least the terms'

    const LowRank& first() const { return *terms.front().pair; }
    bool has_bias() const {
        return std::any_of(terms.begin(), terms.end(), [](const Term& t) { return t.pair->bias != nullptr; });
    }
};

void expect_pairs_alone(std::span<const WeightedAdapter> adapters) {
    for (const WeightedAdapter& a : adapters)
        if (a.adapter.trains_whole())
            throw UserError("USAGE", a.adapter.file(), "",
                            "it trained whole modules or biases, which have no weighted sum with others",
                            "merge it alone, with weight 1");
}

std::vector<CombinedModule> modules_of(std::span<const WeightedAdapter> adapters, Combination how) {
    std::set<std::string> paths;
    for (const WeightedAdapter& a : adapters)
        for (const auto& [path, module] : a.adapter.modules()) paths.insert(path);
    std::vector<CombinedModule> modules;
    for (const std::string& path : paths) {
        CombinedModule m = {.path = path, .terms = {}};
        for (const WeightedAdapter& a : adapters) {
            const AdapterModule* found = a.adapter.find(path);
            if (found == nullptr) continue;
            const LowRank& pair = *found->low_rank;
            m.terms.push_back({&a.adapter, &pair, a.weight * pair.scaling});
            const bool fits =
                pair.in == m.first().in && pair.out == m.first().out && pair.embedding == m.first().embedding;
            if (!fits || (how == Combination::kLinear && pair.rank != m.first().rank))
                throw UserError(
                    "SHAPE", a.adapter.file(), path,
                    fmt::format("{} by {} of rank {}, in {} it is {} by {} of rank {}", pair.out, pair.in, pair.rank,
                                m.terms.front().adapter->file(), m.first().out, m.first().in, m.first().rank),
                    fits ? "linear needs equal ranks: use --combination-type cat" : "give adapters of one base model");
        }
        modules.push_back(std::move(m));
    }
    return modules;
}

// As PEFT: the sum of the adapters' largest ranks, or the one that they share.
int64_t rank_of(std::span<const WeightedAdapter> adapters, Combination how) {
    int64_t rank = 0;
    for (const WeightedAdapter& a : adapters)
        rank = how == Combination::kCat ? rank + a.adapter.largest_rank() : std::max(rank, a.adapter.largest_rank());
    return rank;
}

// lora_A (rank, in), with rows of zeros below.
std::vector<float> factor_a(const CombinedModule& m, Combination how) {
    const int64_t in = m.first().in;
    std::vector<float> result(static_cast<size_t>(m.rank * in));
    int64_t row = 0;
    for (const Term& term : m.terms) {
        const std::vector<float> a = adapter_values(*term.pair->a, term.adapter->file());
        const auto scale = static_cast<float>(
            how == Combination::kCat ? term.factor : std::copysign(std::sqrt(std::abs(term.factor)), term.factor));
        float* const to = result.data() + row * in;
        for (size_t i = 0; i < a.size(); ++i) to[i] += scale * a[i];
        if (how == Combination::kCat) row += term.pair->rank;
    }
    return result;
}

// lora_B (out, rank), with columns of zeros to the right.
std::vector<float> factor_b(const CombinedModule& m, Combination how) {
    std::vector<float> result(static_cast<size_t>(m.first().out * m.rank));
    int64_t column = 0;
    for (const Term& term : m.terms) {
        const std::vector<float> b = adapter_values(*term.pair->b, term.adapter->file());
        const auto scale = how == Combination::kCat ? 1.0f : static_cast<float>(std::sqrt(std::abs(term.factor)));
        const int64_t rank = term.pair->rank;
        for (int64_t row = 0; row < term.pair->out; ++row)
            for (int64_t k = 0; k < rank; ++k)
                result[static_cast<size_t>(row * m.rank + column + k)] +=
                    scale * b[static_cast<size_t>(row * rank + k)];
        if (how == Combination::kCat) column += rank;
    }
    return result;
}

// Biases of lora_B are scaled like the product, and simply add up.
std::vector<float> bias_sum(const CombinedModule& m) {
    std::vector<float> result(static_cast<size_t>(m.first().out));
    for (const Term& term : m.terms) {
        if (term.pair->bias == nullptr) continue;
        const std::vector<float> bias = adapter_values(*term.pair->bias, term.adapter->file());
        for (size_t i = 0; i < bias.size(); ++i) result[i] += static_cast<float>(term.factor) * bias[i];
    }
    return result;
}

}   // namespace

void combine_adapters(std::span<const WeightedAdapter> adapters, Combination how, const std::string& base_model,
                      const std::filesystem::path& output) {
    expect_pairs_alone(adapters);
    std::vector<CombinedModule> modules = modules_of(adapters, how);
    LoraConfig config;
    config.r = rank_of(adapters, how);
    config.alpha = static_cast<double>(config.r);
    config.base_model = base_model;

    std::vector<float> buffer;
    std::vector<TensorToWrite> tensors;
    const auto add = [&](std::string name, std::vector<int64_t> shape, std::function<std::vector<float>()> make) {
        tensors.push_back({.name = kPeftPrefix + std::move(name),
                           .dtype = DType::kF32,
                           .shape = std::move(shape),
                           .bytes = [&buffer, make = std::move(make)] {
                               buffer = make();
                               return std::as_bytes(std::span(buffer));
                           }});
    };
    for (CombinedModule& m : modules) {
        m.rank = config.r;
        config.lora_bias = config.lora_bias || m.has_bias();
        config.targets.list.push_back(m.path);
    }
    for (const CombinedModule& m : modules) {
        const bool embedding = m.first().embedding;
        add(m.path + (embedding ? names::kLoraEmbeddingA : names::kLoraA), {m.rank, m.first().in},
            [&m, how] { return factor_a(m, how); });
        add(m.path + (embedding ? names::kLoraEmbeddingB : names::kLoraB), {m.first().out, m.rank},
            [&m, how] { return factor_b(m, how); });
        if (config.lora_bias && !embedding)
            add(m.path + names::kLoraBias, {m.first().out}, [&m] { return bias_sum(m); });
    }
    write_safetensors(output / "adapter_model.safetensors", std::move(tensors));
    write_file(output / "adapter_config.json", hf_json(lora_config_json(config, config.targets.list)));
    for (const WeightedAdapter& a : adapters) a.adapter.expect_intact();
}

}   // namespace llmft
