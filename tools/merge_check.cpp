#include "tools/merge_check.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/train/batch_slots.h"

namespace llmft {
namespace {

HostBatch one_document(const std::vector<int32_t>& ids) {
    HostBatch batch = {.ids = ids,
                       .positions = std::vector<int32_t>(ids.size()),
                       .targets = std::vector<int32_t>(ids.size(), kNoLoss),
                       .example = std::vector<int32_t>(ids.size()),
                       .cu_seqlens = {0, static_cast<int32_t>(ids.size())}};
    std::iota(batch.positions.begin(), batch.positions.end(), 0);
    return batch;
}

int64_t rows_of(const LogitProbe& probe, const std::vector<int32_t>& document) {
    return std::min(probe.rows, static_cast<int64_t>(document.size()));
}

}   // namespace

LogitProbe make_logit_probe(const ModelConfig& config, const std::vector<Example>& examples) {
    constexpr int64_t kLengths[] = {5, 16, 48};
    constexpr size_t kExamples = 32;
    constexpr int64_t kKept = int64_t{128} << 20;   // bytes of logits in memory
    constexpr int64_t kMostRows = 64;
    LogitProbe probe;
    uint32_t state = 1;
    for (const int64_t length : kLengths) {
        std::vector<int32_t> ids;
        for (int64_t i = 0; i < std::min(length, config.max_position_embeddings); ++i) {
            state = state * 1664525u + 1013904223u;
            ids.push_back(static_cast<int32_t>((state >> 8) % static_cast<uint32_t>(config.vocab_size)));
        }
        probe.documents.push_back(std::move(ids));
    }
    for (size_t i = 0; i < std::min(kExamples, examples.size()); ++i)
        if (!examples[i].ids.empty()) probe.documents.push_back(examples[i].ids);
    const auto documents = static_cast<int64_t>(probe.documents.size());
    probe.rows = std::clamp<int64_t>(kKept / (config.vocab_size * 4 * documents), 1, kMostRows);
    return probe;
}

std::vector<float> probe_logits(const LogitProbe& probe, const ModelOptions& options, const ModelSource& model,
                                const ModelConfig& config) {
    const auto longest = std::max_element(probe.documents.begin(), probe.documents.end(),
                                          [](const auto& a, const auto& b) { return a.size() < b.size(); });
    const auto tokens = static_cast<int64_t>(longest->size());
    const auto logits = [&](Session& session, const std::vector<int32_t>& ids) {
        Run run = session.run();
        return std::as_const(session.model())
            .logits(session.slots().upload(one_document(ids), run), rows_of(probe, ids), run);
    };
    const Inference inference =
        open_inference(options, model, config, tokens, [&](Session& dry) { logits(dry, *longest); });
    std::vector<float> all;
    for (const std::vector<int32_t>& ids : probe.documents) {
        const std::vector<float> rows = logits(*inference.session, ids);
        all.insert(all.end(), rows.begin(), rows.end());
    }
    return all;
}

LogitDifference logit_difference(const std::vector<float>& a, const std::vector<float>& b) {
    if (a.size() != b.size()) throw InternalError("logits of two models differ in number");
    LogitDifference d;
    for (size_t i = 0; i < a.size(); ++i) {
        const double difference = std::abs(double{a[i]} - double{b[i]});
        const double logit = std::abs(double{a[i]});
        if (!(difference <= d.largest)) d.largest = difference;   // NaN stays
        if (!(logit <= d.largest_logit)) d.largest_logit = logit;
    }
    return d;
}

// Errors of independent roundings add up like the steps of a random walk: a sum of n products is off by √n·2⁻²⁴ of its
// size, and seven products a layer follow one another. kFold is for sums whose terms cancel: tiny models with adapters
// of their own size were measured at a sixth of this.
double explained_difference(const ModelConfig& config, double largest_logit) {
    constexpr double kFold = 16;
    const auto layers = static_cast<double>(config.num_hidden_layers);
    const auto terms = static_cast<double>(std::max(config.hidden_size, config.intermediate_size));
    return kFold * std::sqrt(7 * layers * terms) * 0x1p-24 * largest_logit;
}

}   // namespace llmft
