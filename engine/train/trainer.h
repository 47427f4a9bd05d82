// The loop: windows in, optimizer steps out. It drives four small faces and knows nothing behind them: Trainable (a
// model), Method (what is trained), Optimizer, BatchSource. The plan is this loop on the dry device.
//
// A window is per_device_train_batch_size × gradient_accumulation_steps examples. Its gradients and losses are added up
// as raw sums; the scale 1/N, N the window's predicted tokens over all ranks, is applied once, together with clipping.
#pragma once

#include <functional>
#include <optional>

#include "engine/comm/comm.h"
#include "engine/optim/clip.h"
#include "engine/optim/optimizer.h"
#include "engine/train/batch_slots.h"
#include "engine/train/method.h"
#include "engine/train/trainable.h"

namespace llmft {

// One line of metrics.jsonl.
struct StepRecord {
    int64_t step = 0;   // from 1
    double epoch = 0;
    double loss = 0;        // mean over the window's predicted tokens, nats
    double grad_norm = 0;   // before clipping
    double learning_rate = 0;
    int64_t num_tokens = 0;   // input tokens since the run began
    double tokens_per_second = 0;
    double mean_token_accuracy = 0;
    double step_ms = 0;
    std::optional<double> eval_loss;   // after this step
    std::optional<double> eval_mean_token_accuracy;
    int64_t eval_num_tokens = 0;
};

struct TrainerParts {
    Trainable& model;
    Method& method;
    Optimizer& optimizer;
    GradientScale& scale;
    const BatchSlots& slots;
    Comm& comm;
    Rng& rng;   // the one that run refers to: its step follows the loop
};

struct TrainerPlan {
    int64_t total_steps = 0;
    double max_grad_norm = 1;
    std::function<double(int64_t step)> learning_rate;            // of the step with 0-based index
    std::function<bool(int64_t step)> evaluate_after = nullptr;   // steps from 1; null: never
    const std::vector<HostBatch>* evaluation = nullptr;           // micro-batches of the evaluation set
};

struct TrainerEvents {
    std::function<void(const StepRecord&)> on_step;
    std::function<bool()> stop_requested;   // asked between steps
};

enum class TrainEnd : uint8_t { kDone, kStopped };

// Trains from step 0. Throws NumericalError, with the state untouched by that step, when loss or gradient is not
// finite.
TrainEnd train(const TrainerParts&, const TrainerPlan&, const BatchSource&, const TrainerEvents&, Run&);

// Mean loss and accuracy over micro-batches, forward only.
Sums evaluate(const TrainerParts&, const std::vector<HostBatch>&, Run&);

}   // namespace llmft
