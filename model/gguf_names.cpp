#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/io/quote.h"
#include "kernels/base/error.h"
#include "model/gguf.h"
#include "model/names.h"

namespace llmft {
namespace {

constexpr std::array kArchitectures = {
    GgufArchitecture{"llama", "llama", "LlamaForCausalLM", true},
    GgufArchitecture{"qwen2", "qwen2", "Qwen2ForCausalLM", false},
    GgufArchitecture{"qwen3", "qwen3", "Qwen3ForCausalLM", false},
};

enum class Rows { kPlain, kQueries, kKeys };
struct Part {
    std::string_view name;   // blk.N.NAME.weight, .bias
    const char* module;
    Rows rows;
};
constexpr std::array kParts = {
    Part{"attn_norm", names::kInputNorm, Rows::kPlain},
    Part{"ffn_norm", names::kPostNorm, Rows::kPlain},
    Part{"attn_q", names::kQ, Rows::kQueries},
    Part{"attn_k", names::kK, Rows::kKeys},
    Part{"attn_v", names::kV, Rows::kPlain},
    Part{"attn_output", names::kO, Rows::kPlain},
    Part{"ffn_gate", names::kGate, Rows::kPlain},
    Part{"ffn_up", names::kUp, Rows::kPlain},
    Part{"ffn_down", names::kDown, Rows::kPlain},
    Part{"attn_q_norm", names::kQNorm, Rows::kPlain},
    Part{"attn_k_norm", names::kKNorm, Rows::kPlain},
};

// "blk.12.attn_q.weight" → 12, "attn_q", "weight".
struct BlockTensor {
    int64_t layer;
    std::string_view part, leaf;
};
std::optional<BlockTensor> parse_block_tensor(std::string_view name) {
    constexpr std::string_view kPrefix = "blk.";
    if (!name.starts_with(kPrefix)) return std::nullopt;
    name.remove_prefix(kPrefix.size());
    BlockTensor tensor = {};
    const auto number = std::from_chars(name.data(), name.data() + name.size(), tensor.layer);
    name.remove_prefix(static_cast<size_t>(number.ptr - name.data()));
    const size_t dot = name.rfind('.');
    if (number.ec != std::errc() || tensor.layer < 0 || !name.starts_with('.') || dot == 0) return std::nullopt;
    tensor.part = name.substr(1, dot - 1);
    tensor.leaf = name.substr(dot + 1);
    return tensor;
}

struct Heads {
    int64_t queries, keys;   // 0: rows are not paired
};

std::optional<GgufPlacement> place(const GgufTensor& tensor, const Heads& heads) {
    if (tensor.name == "token_embd.weight") return GgufPlacement{&tensor, names::weight(names::embedding())};
    if (tensor.name == "output_norm.weight") return GgufPlacement{&tensor, names::weight(names::final_norm())};
    if (tensor.name == "output.weight") return GgufPlacement{&tensor, names::weight(names::head())};
    const auto block = parse_block_tensor(tensor.name);
    if (!block || (block->leaf != "weight" && block->leaf != "bias")) return std::nullopt;
    const auto part = std::find_if(kParts.begin(), kParts.end(), [&](const Part& p) { return p.name == block->part; });
    if (part == kParts.end()) return std::nullopt;
    const int64_t paired = part->rows == Rows::kQueries ? heads.queries : part->rows == Rows::kKeys ? heads.keys : 0;
    return GgufPlacement{&tensor, fmt::format("{}.{}", names::layer(block->layer, part->module), block->leaf), paired};
}

}   // namespace

const GgufArchitecture& gguf_architecture(const Gguf& gguf) {
    const GgufValue name = gguf.value("general.architecture");
    const auto at = std::find_if(kArchitectures.begin(), kArchitectures.end(),
                                 [&](const GgufArchitecture& known) { return known.name == name.text(); });
    if (at == kArchitectures.end())
        name.refuse("SCHEMA", fmt::format("is {}, read are llama, qwen2 and qwen3", in_quotes(name.text())),
                    "use another model");
    return *at;
}

std::vector<GgufPlacement> gguf_placements(const Gguf& gguf) {
    const GgufArchitecture& architecture = gguf_architecture(gguf);
    const std::string prefix(architecture.name);
    Heads heads = {0, 0};
    if (architecture.paired_rows) {
        constexpr int64_t kMostHeads = 1 << 14;
        heads.queries = gguf.value(prefix + ".attention.head_count").integer(1, kMostHeads);
        const auto keys = gguf.find_value(prefix + ".attention.head_count_kv");
        heads.keys = keys ? keys->integer(1, kMostHeads) : heads.queries;
    }
    std::vector<GgufPlacement> placements;
    for (const GgufTensor& tensor : gguf.tensors()) {
        if (tensor.name == "rope_freqs.weight") continue;   // of config.json
        auto placement = place(tensor, heads);
        if (!placement)
            throw UserError("EXTRA", gguf.file(), "tensor " + in_quotes(tensor.name),
                            fmt::format("is no weight of a {} model", architecture.name), "use another model");
        placements.push_back(std::move(*placement));
    }
    return placements;
}

}   // namespace llmft
