// How the next token follows from the logits, as transformers' processors have it (logits_process.py), in its order:
// repetition penalty, temperature, top-k, top-p, then one draw. Sums are in double; the draw is keyed by what it is
// for, so that a text depends on its seed alone: not on threads, batches or what was generated before.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace llmft {

struct SamplingOptions {
    double temperature = 0;          // 0: greedy, the first of the largest logits
    double top_p = 1;                // the likeliest tokens whose probabilities reach this sum; at least one
    int64_t top_k = 0;               // the k likeliest, and those as likely as the last of them; 0: all
    double repetition_penalty = 1;   // > 1: logits of tokens that were seen are divided by it, negative ones multiplied
    uint32_t seed = 0;
};

// What a draw is for.
struct DrawKey {
    uint32_t text;       // which of several prompts
    uint32_t position;   // of the token that is drawn
};

// seen: the prompt and what was generated so far. Throws NumericalError where no logit is finite, one is NaN,
// or all are exactly 0: a norm makes zeros of a number whose square passes the range of f32.
int32_t next_token(std::vector<float> logits, std::span<const int32_t> seen, DrawKey key, const SamplingOptions&);

// The probabilities that next_token draws from, (V); greedy: 1 for the token. For tests.
std::vector<double> token_probabilities(std::vector<float> logits, std::span<const int32_t> seen,
                                        const SamplingOptions&);

}   // namespace llmft
