// Logits of the same tokens from two models, compared.
#pragma once

#include "data/dataset.h"
#include "tools/inference.h"

namespace llmft {

struct LogitProbe {
    std::vector<std::vector<int32_t>> documents;
    int64_t rows = 1;   // the last positions of each document: those are compared
};

// Fixed documents, and the first of the examples.
LogitProbe make_logit_probe(const ModelConfig& config, const std::vector<Example>& examples);

// The logits of a model (with options.adapter, where it names one), one document after the other: (positions, V).
std::vector<float> probe_logits(const LogitProbe& probe, const ModelOptions& options, const ModelSource& model,
                                const ModelConfig& config);

struct LogitDifference {
    double largest = 0;         // of |a − b|; NaN where there is one
    double largest_logit = 0;   // of |a|; NaN where there is one
};
LogitDifference logit_difference(const std::vector<float>& a, const std::vector<float>& b);

// How far logits may differ that are computed in f32 from the same weights in two orders.
double explained_difference(const ModelConfig& config, double largest_logit);

}   // namespace llmft
