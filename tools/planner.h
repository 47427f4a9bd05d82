// Which shape a run gets: how many tokens at once and what the backward reruns, so that the plan fits the memory. Every
// candidate is a dry run of the real step.
#pragma once

#include "tools/session.h"

namespace llmft {

struct PlanRequest {
    const ModelConfig& config;
    Tuning& tuning;
    SessionShape shape;                   // its tokens and recompute are chosen here
    int64_t longest_document = 0;         // tokens; documents are never cut to fit a micro-batch
    int64_t window_tokens = 0;            // the most that an optimizer step can have: more at once is useless
    int64_t tokens_per_microbatch = 0;    // as asked; 0: auto
    std::string gradient_checkpointing;   // auto, none, ffn, full
    int64_t limit_bytes = 0;
};

struct ChosenPlan {
    SessionShape shape;
    Plan plan;
    bool fits = true;
};

// The first that fits, in this order: nothing rerun; FFN of as few layers as needed; whole layers, as few as needed;
// then, under auto tokens, the same with one longest document at a time. If none fits, the smallest, with fits = false.
ChosenPlan choose_plan(const PlanRequest& request);

// Throws OutOfMemory that names the limit, the largest rows of the plan, and what would help.
void expect_fits(const ChosenPlan& chosen, int64_t limit_bytes);

// The longest document, up to the model's positions, whose full micro-batch fits the limit, at the strongest recompute;
// 0 if none does.
int64_t longest_context(PlanRequest request);

}   // namespace llmft
