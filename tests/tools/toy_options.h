// Option structs as a command has them, with every kind of member.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace llmft::test {

struct ToySchedule {
    double learning_rate = 2e-4;
    int64_t epochs = 3;
    std::optional<int64_t> max_steps;
    std::optional<double> warmup_ratio;
    std::string kind = "cosine";

    template <class V>
    void visit(V&& v) {
        v.group("schedule");
        v("learning-rate", learning_rate, "peak learning rate", {.above = 0});
        v("num-train-epochs", epochs, "passes over the data", {.at_least = 1});
        v("max-steps", max_steps, "optimizer steps; overrides --num-train-epochs", {.at_least = 1});
        v("warmup-ratio", warmup_ratio, "share of the steps that warm up", {.at_least = 0, .below = 1});
        v("lr-scheduler-type", kind, "shape of the decay", {.one_of = "cosine|linear|constant"});
    }
    bool operator==(const ToySchedule&) const = default;
};

struct ToyData {
    std::string dataset;
    bool shuffle = true;
    bool use_dora = false;
    std::optional<bool> completion_only;
    std::optional<std::string> prompt;
    std::string report = "jsonl";
    std::string resume = "auto";
    std::string start = "true";
    std::string layers;

    template <class V>
    void visit(V&& v) {
        v.group("data");
        v("dataset", dataset, "file, or files with commas between");
        v("shuffle", shuffle, "a new order every epoch");
        v("use-dora", use_dora, "weight-decomposed adapters");
        v("completion-only-loss", completion_only, "no loss on prompts");
        v("prompt", prompt, "text to begin with");
        v("report-to", report, "where to report", {.list_of = "jsonl|html|none"});
        v("resume", resume, "where to begin", {.words = "auto|never"});
        v("start", start, "how weights start", {.one_of = "true|false|gaussian", .unlisted = "eva", .later = "pissa"});
        v("layers", layers, "which layers: 0,1,2", {.integers = true});
    }
    bool operator==(const ToyData&) const = default;
};

}   // namespace llmft::test
