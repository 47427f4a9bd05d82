#include "model/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/base/error.h"
#include "kernels/base/philox.h"

namespace llmft {
namespace {

struct Candidate {
    int32_t id;
    double score;        // logit / temperature
    double weight = 0;   // exp(score − the largest)
};

void penalise(std::vector<float>& logits, std::span<const int32_t> seen, double penalty) {
    if (penalty == 1) return;
    std::vector<int32_t> ids(seen.begin(), seen.end());   // each once, however often it was seen
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    for (const int32_t id : ids) {
        float& logit = logits.at(static_cast<size_t>(id));
        logit = static_cast<float>(logit < 0 ? logit * penalty : logit / penalty);
    }
}

int32_t likeliest(const std::vector<float>& logits) {
    return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

void expect_finite(const std::vector<float>& logits) {
    const bool nan = std::any_of(logits.begin(), logits.end(), [](float x) { return std::isnan(x); });
    if (std::all_of(logits.begin(), logits.end(), [](float x) { return x == 0; }))
        throw NumericalError(
            "the model's logits are all 0: a number in it passed the range of f32, so its weights or its adapter are "
            "damaged; use another copy");
    if (nan || !std::isfinite(logits[static_cast<size_t>(likeliest(logits))]))
        throw NumericalError(
            "the model's logits are not finite; its weights or its adapter are damaged, or the dtype "
            "is too small: try --dtype f32");
}

// Drops those that are less likely than the k-th.
void keep_top_k(std::vector<Candidate>& all, int64_t k) {
    if (k == 0 || k >= static_cast<int64_t>(all.size())) return;
    std::vector<double> scores;
    for (const Candidate& c : all) scores.push_back(c.score);
    std::nth_element(scores.begin(), scores.begin() + (k - 1), scores.end(), std::greater<>());
    const double last = scores[static_cast<size_t>(k - 1)];
    std::erase_if(all, [&](const Candidate& c) { return c.score < last; });
}

// Drops the least likely ones as long as their probabilities sum to at most 1 − p; never the likeliest.
void keep_top_p(std::vector<Candidate>& all, double p) {
    if (p >= 1) return;
    std::vector<size_t> order(all.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return all[a].score < all[b].score; });
    const double total =
        std::accumulate(all.begin(), all.end(), 0.0, [](double s, const Candidate& c) { return s + c.weight; });
    double below = 0;
    std::vector<bool> dropped(all.size());
    for (size_t i = 0; i + 1 < order.size(); ++i) {
        below += all[order[i]].weight / total;
        if (below > 1 - p) break;
        dropped[order[i]] = true;
    }
    size_t i = 0;
    std::erase_if(all, [&](const Candidate&) { return dropped[i++]; });
}

// In the order of their ids.
std::vector<Candidate> candidates(const std::vector<float>& logits, const SamplingOptions& options) {
    std::vector<Candidate> all;
    all.reserve(logits.size());
    for (size_t id = 0; id < logits.size(); ++id)
        all.push_back({static_cast<int32_t>(id), static_cast<double>(logits[id]) / options.temperature});
    const double top = static_cast<double>(logits[static_cast<size_t>(likeliest(logits))]) / options.temperature;
    keep_top_k(all, options.top_k);
    for (Candidate& c : all) c.weight = std::exp(c.score - top);
    keep_top_p(all, options.top_p);
    return all;
}

// In [0, 1), 53 bits.
double draw(uint32_t seed, DrawKey key) {
    constexpr uint32_t kPurpose = 0x544f4b45u;   // "TOKE": apart from dropout's masks
    const PhiloxCounter words = philox4x32_10({{key.position, key.text, 0, 0}}, {{seed, kPurpose}});
    return static_cast<double>((uint64_t{words.word[0]} << 32 | words.word[1]) >> 11) * 0x1p-53;
}

}   // namespace

int32_t next_token(std::vector<float> logits, std::span<const int32_t> seen, DrawKey key,
                   const SamplingOptions& options) {
    expect_finite(logits);
    penalise(logits, seen, options.repetition_penalty);
    if (options.temperature == 0) return likeliest(logits);
    const std::vector<Candidate> all = candidates(logits, options);
    const double total =
        std::accumulate(all.begin(), all.end(), 0.0, [](double s, const Candidate& c) { return s + c.weight; });
    double left = draw(options.seed, key) * total;
    for (const Candidate& c : all) {
        if (left < c.weight) return c.id;
        left -= c.weight;
    }
    return std::max_element(all.begin(), all.end(),
                            [](const Candidate& a, const Candidate& b) { return a.weight < b.weight; })
        ->id;
}

std::vector<double> token_probabilities(std::vector<float> logits, std::span<const int32_t> seen,
                                        const SamplingOptions& options) {
    expect_finite(logits);
    penalise(logits, seen, options.repetition_penalty);
    std::vector<double> probabilities(logits.size());
    if (options.temperature == 0) {
        probabilities[static_cast<size_t>(likeliest(logits))] = 1;
        return probabilities;
    }
    const std::vector<Candidate> all = candidates(logits, options);
    const double total =
        std::accumulate(all.begin(), all.end(), 0.0, [](double s, const Candidate& c) { return s + c.weight; });
    for (const Candidate& c : all) probabilities[static_cast<size_t>(c.id)] = c.weight / total;
    return probabilities;
}

}   // namespace llmft
