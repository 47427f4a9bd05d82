// What a user sets about the loop: names, defaults and meanings follow Hugging Face's TrainingArguments.
#pragma once

#include <cstdint>
#include <string>

#include "engine/optim/adamw.h"

namespace llmft {

struct BatchOptions {
    // So that the tokens of a window can be counted.
    static constexpr double kMostExamples = 1 << 18;
    static constexpr double kMostTokens = 1 << 24;

    int64_t per_device_train_batch_size = 8;
    int64_t gradient_accumulation_steps = 1;
    int64_t tokens_per_microbatch = 0;   // 0: auto
    std::string gradient_checkpointing = "auto";

    template <class V>
    void visit(V&& v) {
        v.group("batch");
        v("per-device-train-batch-size", per_device_train_batch_size, "examples of one device in one accumulation step",
          {.at_least = 1, .at_most = kMostExamples});
        v("gradient-accumulation-steps", gradient_accumulation_steps, "accumulation steps of an optimizer step",
          {.at_least = 1, .at_most = kMostExamples});
        v("tokens-per-microbatch", tokens_per_microbatch,
          "tokens computed at once; changes speed and memory only (0: auto)", {.at_least = 0, .at_most = kMostTokens});
        v("gradient-checkpointing", gradient_checkpointing, "what the backward reruns",
          {.one_of = "auto|none|ffn|full"});
    }
};

struct LoopOptions {
    double num_train_epochs = 3;
    int64_t max_steps = -1;
    double max_grad_norm = 1;
    AdamwOptions adamw;
    std::string optim = "adamw";
    int64_t seed = 42;
    std::string eval_strategy = "auto";   // epoch where there is an evaluation set
    int64_t eval_steps = 0;               // 0: logging_steps
    int64_t logging_steps = 10;
    std::string save_strategy = "no";

    template <class V>
    void visit(V&& v) {
        v.group("schedule");
        v("num-train-epochs", num_train_epochs, "passes over the training set; may be a fraction", {.above = 0});
        v("max-steps", max_steps, "optimizer steps; overrides the epochs (-1: by epochs)", {.at_least = -1});
        v("max-grad-norm", max_grad_norm, "clip the global gradient norm to this (0: no clipping)", {.at_least = 0});
        v("weight-decay", adamw.weight_decay, "decoupled weight decay; norms and biases are exempt", {.at_least = 0});
        v("adam-beta1", adamw.beta1, "decay of the first moment", {.at_least = 0, .below = 1});
        v("adam-beta2", adamw.beta2, "decay of the second moment", {.at_least = 0, .below = 1});
        v("adam-epsilon", adamw.epsilon, "added to the root of the second moment", {.at_least = 0});
        v("optim", optim, "optimizer", {.one_of = "adamw"});
        v("seed", seed, "of initialisation and dropout", {.at_least = 0, .at_most = 4294967295});
        v.group("evaluation");
        v("eval-strategy", eval_strategy, "when the evaluation set is scored (auto: epoch where there is a set)",
          {.one_of = "auto|no|steps|epoch"});
        v("eval-steps", eval_steps, "steps between evaluations (0: logging-steps)", {.at_least = 0});
        v.group("logging");
        v("logging-steps", logging_steps, "steps between lines on the screen; metrics.jsonl has every step",
          {.at_least = 1});
        v.group("saving");
        v("save-strategy", save_strategy, "checkpoints while training (not built yet)", {.one_of = "no"});
    }
};

}   // namespace llmft
