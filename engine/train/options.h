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
    // A parameter without gradients is divided by this, in f32.
    static constexpr double kLeastEpsilon = 1e-30;

    double num_train_epochs = 3;
    int64_t max_steps = -1;
    double max_grad_norm = 1;
    AdamwOptions adamw;
    std::string optim = "adamw";
    int64_t seed = 42;
    std::string eval_strategy = "auto";   // epoch where there is an evaluation set
    int64_t eval_steps = 0;               // 0: logging_steps
    int64_t early_stopping_patience = 0;
    std::string metric_for_best_model = "eval_loss";
    int64_t logging_steps = 10;
    std::string on_nan = "stop";
    int64_t max_nan_skips = 10;

    template <class V>
    void visit(V&& v) {
        v.group("schedule");
        v("num-train-epochs", num_train_epochs, "passes over the training set; may be a fraction", {.above = 0});
        v("max-steps", max_steps, "optimizer steps; overrides the epochs (-1: by epochs)", {.at_least = -1});
        v("max-grad-norm", max_grad_norm, "clip the global gradient norm to this (0: no clipping)", {.at_least = 0});
        v("weight-decay", adamw.weight_decay, "decoupled weight decay; norms and biases are exempt", {.at_least = 0});
        v("adam-beta1", adamw.beta1, "decay of the first moment", {.at_least = 0, .below = 1});
        v("adam-beta2", adamw.beta2, "decay of the second moment", {.at_least = 0, .below = 1});
        v("adam-epsilon", adamw.epsilon, "added to the root of the second moment", {.at_least = kLeastEpsilon});
        v("optim", optim, "optimizer", {.one_of = "adamw", .later = "adamw_8bit|paged_adamw|paged_adamw_8bit"});
        v("seed", seed, "of initialisation and dropout", {.at_least = 0, .at_most = 4294967295});
        v.group("evaluation");
        v("eval-strategy", eval_strategy, "when the evaluation set is scored (auto: epoch where there is a set)",
          {.one_of = "auto|no|steps|epoch"});
        v("eval-steps", eval_steps, "steps between evaluations (0: logging-steps)", {.at_least = 0});
        v("early-stopping-patience", early_stopping_patience,
          "end after this many evaluations without a gain (0: never)", {.at_least = 0});
        v("metric-for-best-model", metric_for_best_model, "what tells which evaluation is best",
          {.one_of = "eval_loss"});
        v.group("numbers");
        v("on-nan", on_nan, "a step whose loss or gradient is not finite: stop (exit 4), or skip it and go on",
          {.one_of = "stop|skip"});
        v("max-nan-skips", max_nan_skips, "steps in a row that may be skipped",
          {.at_least = 0, .needs = "on-nan=skip"});
        v.group("logging");
        v("logging-steps", logging_steps, "steps between lines on the screen; metrics.jsonl has every step",
          {.at_least = 1});
    }
};

struct SaveOptions {
    std::string save_strategy = "epoch";
    int64_t save_steps = 500;
    int64_t save_total_limit = 0;
    std::string resume = "auto";
    bool load_best_model_at_end = false;

    template <class V>
    void visit(V&& v) {
        v.group("saving");
        v("save-strategy", save_strategy, "when a checkpoint is written: checkpoint-N in --output-dir",
          {.one_of = "no|steps|epoch|best"});
        v("save-steps", save_steps, "steps between checkpoints of --save-strategy steps", {.at_least = 1});
        v("save-total-limit", save_total_limit,
          "checkpoints to keep: the newest, and the best in place of one of them (0: all)",
          {.at_least = 0, .needs = "save-strategy=steps|epoch|best"});
        v("resume", resume,
          "where to begin; auto: at the newest whole checkpoint; never: anew; or a checkpoint-N folder",
          {.words = "auto|never", .of_this_call = true});
        v("load-best-model-at-end", load_best_model_at_end, "end with the weights of the best saved evaluation");
    }
};

}   // namespace llmft
