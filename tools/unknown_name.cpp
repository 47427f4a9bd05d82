#include "tools/unknown_name.h"

#include <algorithm>
#include <array>
#include <utility>

namespace llmft {
namespace {

constexpr std::array<std::string_view, 8> kLaterOptions = {
    "use-dora", "beta", "loss-type", "prompt-template", "chat-template", "assistant-only-loss", "neftune-noise-alpha",
    "offload"};
constexpr std::array<std::string_view, 3> kLaterCommands = {"tokenize", "export", "serve"};

// What other trainers call it, where spelling does not lead there.
constexpr std::array<std::pair<std::string_view, std::string_view>, 19> kElsewhere = {{
    {"alpha", "lora-alpha"},
    {"base-model", "model"},
    {"bf16", "dtype"},
    {"cutoff-len", "max-seq-length"},
    {"data", "dataset"},
    {"load-in-4bit", "quantization"},
    {"lora-rank", "lora-r"},
    {"lora-target", "target-modules"},
    {"lr", "learning-rate"},
    {"max-length", "max-seq-length"},
    {"micro-batch-size", "per-device-train-batch-size"},
    {"model-name-or-path", "model"},
    {"rank", "lora-r"},
    {"resume-from-checkpoint", "resume"},
    {"sequence-len", "max-seq-length"},
    {"steps", "max-steps"},
    {"torch-dtype", "dtype"},
    {"train-file", "dataset"},
    {"warmup", "warmup-steps"},
}};

template <class Names>
bool holds(const Names& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool has_all(const std::vector<std::string>& words, const std::vector<std::string>& wanted) {
    return !wanted.empty() &&
           std::all_of(wanted.begin(), wanted.end(), [&](const std::string& word) { return holds(words, word); });
}

std::string shortest_with_words_of(std::string_view name, const std::vector<std::string>& candidates) {
    const std::vector<std::string> wanted = split_choices(name, '-');
    std::string best;
    size_t fewest = SIZE_MAX;
    for (const std::string& candidate : candidates) {
        const std::vector<std::string> words = split_choices(candidate, '-');
        if (words.size() > fewest || !has_all(words, wanted)) continue;
        best = words.size() < fewest ? candidate : "";
        fewest = words.size();
    }
    return best;
}

}   // namespace

bool option_comes_later(std::string_view name) {
    return holds(kLaterOptions, name);
}

bool command_comes_later(std::string_view name) {
    return holds(kLaterCommands, name);
}

std::string meant_option(std::string_view name, const std::vector<Option>& options) {
    std::vector<std::string> names;
    for (const Option& option : options) names.push_back(option.name);
    for (const auto& [elsewhere, here] : kElsewhere)
        if (elsewhere == name && holds(names, here)) return std::string(here);
    const std::string near = nearest(name, names);
    return near.empty() ? shortest_with_words_of(name, names) : near;
}

}   // namespace llmft
