#include "tools/inspect/servers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include "engine/io/quote.h"

namespace llmft {
namespace {

constexpr std::string_view kA = ".lora_A.weight", kB = ".lora_B.weight";
constexpr std::string_view kEmbeddingA = ".lora_embedding_A", kEmbeddingB = ".lora_embedding_B";

// Absent, null, false, empty: as a plain LoRA has it.
bool is_set(const JsonField& config, const char* key) {
    const auto found = config.find(key);
    return found && found->json() != false && !found->json().empty();
}

std::string_view last_part(std::string_view path) {
    return path.substr(path.rfind('.') + 1);
}

// "base_model.model.model.layers.3.mlp.up_proj.lora_A.weight" → "base_model.model.model.layers.3.mlp.up_proj"; empty
// where the suffix is another.
std::string_view module_of(std::string_view name, std::string_view suffix) {
    return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : std::string_view();
}

int64_t layer_of(std::string_view module) {
    constexpr std::string_view kLayers = ".layers.";
    const size_t at = module.find(kLayers);
    int64_t layer = -1;
    if (at != std::string_view::npos) {
        const std::string_view digits = module.substr(at + kLayers.size());
        std::from_chars(digits.data(), digits.data() + digits.size(), layer);
    }
    return layer;
}

int64_t largest_rank(const AdapterFiles& adapter) {
    int64_t rank = 0;
    for (const SafeTensor& tensor : adapter.tensors)
        if ((tensor.name.ends_with(kA) || tensor.name.ends_with(kEmbeddingA)) && !tensor.shape.empty())
            rank = std::max(rank, tensor.shape[0]);
    return rank;
}

bool plain_lora(const AdapterFiles& adapter, ServerVerdict& verdict) {
    const std::string type = adapter.config.text_or("peft_type", "?");
    if (type != "LORA") verdict.against.push_back(fmt::format("peft_type is {}: it takes LORA alone", type));
    if (adapter.tensors.empty()) verdict.against.push_back("there is no adapter_model.safetensors");
    return type == "LORA";
}

// vLLM: initialisations that change the base need the changed base.
bool changes_base(const JsonField& config) {
    const auto init = config.find("init_lora_weights");
    if (!init || init->json().is_boolean()) return false;
    for (const char* kept : {"gaussian", "eva", "orthogonal", "mica", "lora_ga"})
        if (init->json() == kept) return false;
    return true;
}

// The head of a classifier may be stored whole; nothing else may.
bool stores_whole_modules(const JsonField& config) {
    const auto saved = config.find("modules_to_save");
    if (!saved) return false;
    if (!saved->json().is_array()) return true;
    const Json& modules = saved->json();
    return std::any_of(modules.begin(), modules.end(), [](const Json& m) { return m != "classifier" && m != "score"; });
}

void vllm_config(const JsonField& config, ServerVerdict& verdict) {
    for (const char* key : {"r", "lora_alpha", "target_modules"})
        if (!config.json().contains(key)) verdict.against.push_back(fmt::format("adapter_config.json has no {}", key));
    if (config.text_or("bias", "none") != "none")
        verdict.against.push_back(fmt::format("bias is {}: it takes none", config.text_or("bias", "none")));
    if (stores_whole_modules(config)) verdict.against.push_back("modules_to_save holds whole modules");
    if (changes_base(config))
        verdict.against.push_back(fmt::format("init_lora_weights is {}: it belongs to a changed base",
                                              config.at("init_lora_weights").json().dump()));
    for (const char* key :
         {"use_dora", "lora_bias", "alora_invocation_tokens", "layer_replication", "use_bdlora", "use_qalora"})
        if (is_set(config, key)) verdict.against.push_back(fmt::format("{} is set", key));
    for (const char* key : {"rank_pattern", "alpha_pattern"})
        if (is_set(config, key))
            verdict.remarks.push_back(fmt::format("versions that ignore {} scale its modules wrongly", key));
}

void vllm_tensors(const AdapterFiles& adapter, ServerVerdict& verdict) {
    constexpr std::array kModules = {"q_proj",  "k_proj",    "v_proj",       "o_proj",       "qkv_proj", "gate_proj",
                                     "up_proj", "down_proj", "gate_up_proj", "embed_tokens", "lm_head"};
    std::set<std::string_view> foreign;
    std::vector<std::string_view> whole;   // tensors that belong to no LoRA pair
    for (const SafeTensor& tensor : adapter.tensors) {
        const std::string_view name = tensor.name;
        if (name.ends_with(".embed_tokens.base_layer.weight") || name.ends_with(".lm_head.base_layer.weight")) continue;
        std::string_view module;
        for (const std::string_view suffix : {kA, kB, kEmbeddingA, kEmbeddingB})
            if (module.empty()) module = module_of(name, suffix);
        if (module.empty())
            whole.push_back(name);
        else if (std::find(kModules.begin(), kModules.end(), last_part(module)) == kModules.end())
            foreign.insert(last_part(module));
    }
    if (!whole.empty())
        verdict.against.push_back(fmt::format("{} tensors are neither lora_A nor lora_B, such as {}", whole.size(),
                                              in_quotes(whole.front(), 100)));
    for (const std::string_view module : foreign)
        verdict.against.push_back(fmt::format("{} is no module that it adapts", module));
}

// max_lora_rank takes these alone; 16 is its default.
int64_t max_lora_rank_for(int64_t rank) {
    for (const int64_t allowed : {1, 8, 16, 32, 64, 128, 256, 320, 512})
        if (rank <= allowed) return allowed;
    return 0;
}

// A type of module of which some layer has no adapter is dropped as a whole.
void tgi_layers(const AdapterFiles& adapter, ServerVerdict& verdict) {
    std::map<std::string_view, std::set<int64_t>> layers_with;
    int64_t layers = adapter.layers;
    for (const SafeTensor& tensor : adapter.tensors) {
        const std::string_view module = module_of(tensor.name, kA);
        const int64_t layer = layer_of(module);
        if (layer < 0) continue;
        layers_with[last_part(module)].insert(layer);
        if (adapter.layers == 0) layers = std::max(layers, layer + 1);
    }
    for (const auto& [module, with] : layers_with)
        if (static_cast<int64_t>(with.size()) < layers)
            verdict.against.push_back(fmt::format("{} has an adapter in {} of {} layers: it drops the module in all",
                                                  module, with.size(), layers));
    if (adapter.layers == 0 && layers > 0)
        verdict.remarks.push_back(fmt::format("judged for {} layers: --model DIR says how many there are", layers));
}

}   // namespace

ServerVerdict vllm_verdict(const AdapterFiles& adapter) {
    constexpr int64_t kDefaultRank = 16;
    ServerVerdict verdict = {.server = "vLLM", .against = {}, .remarks = {}};
    if (!plain_lora(adapter, verdict)) return verdict;
    vllm_config(adapter.config, verdict);
    vllm_tensors(adapter, verdict);
    const int64_t rank = largest_rank(adapter), limit = max_lora_rank_for(rank);
    if (rank > 0 && limit == 0)
        verdict.against.push_back(fmt::format("rank {} is above 512", rank));
    else if (rank > kDefaultRank)
        verdict.remarks.push_back(fmt::format("start it with --max-lora-rank {}", limit));
    return verdict;
}

ServerVerdict tgi_verdict(const AdapterFiles& adapter) {
    ServerVerdict verdict = {.server = "TGI", .against = {}, .remarks = {}};
    if (!plain_lora(adapter, verdict)) return verdict;
    for (const char* key : {"rank_pattern", "alpha_pattern"})
        if (is_set(adapter.config, key))
            verdict.against.push_back(
                fmt::format("{} is not read: its modules would be scaled by r and lora_alpha", key));
    if (is_set(adapter.config, "use_dora")) verdict.against.push_back("DoRA's magnitudes are not read");
    size_t ignored = 0;
    for (const SafeTensor& tensor : adapter.tensors)
        ignored += !tensor.name.ends_with(kA) && !tensor.name.ends_with(kB);
    if (ignored > 0)
        verdict.against.push_back(fmt::format("{} tensors that are not lora_A or lora_B are not read", ignored));
    tgi_layers(adapter, verdict);
    return verdict;
}

}   // namespace llmft
