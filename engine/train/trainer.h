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

// One line of metrics.jsonl. Of a step that was skipped, loss or grad_norm are what was found: not finite.
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
    std::optional<std::string> skipped = {};   // why the step was not taken
    std::optional<double> eval_loss = {};      // after this step
    std::optional<double> eval_mean_token_accuracy = {};
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

enum class OnNan : uint8_t { kStop, kSkip };

struct TrainerPlan {
    int64_t total_steps = 0;
    OnNan on_nan = OnNan::kStop;
    int64_t most_skips = 10;   // in a row
    double max_grad_norm = 1;
    std::function<double(int64_t step)> learning_rate;            // of the step with 0-based index
    std::function<bool(int64_t step)> evaluate_after = nullptr;   // steps from 1; null: never
    const std::vector<HostBatch>* evaluation = nullptr;           // micro-batches of the evaluation set
};

struct TrainerEvents {
    std::function<void(const StepRecord&)> on_step;
    std::function<bool()> stop_requested;   // asked between steps and between the micro-batches of an evaluation
};

// Where the loop is. With the parameters and the optimizer's state it is all that goes on (training_state.h).
struct LoopState {
    int64_t step = 0;                         // steps behind us
    int64_t num_tokens = 0;                   // input tokens of them
    int64_t skipped = 0;                      // those not taken, because a number was not finite
    int64_t skipped_in_a_row = 0;             // at the end
    std::optional<StepRecord> pending = {};   // of the last step, whose evaluation a request to stop cut short
    enum class Weights : uint8_t { kGood, kBroken } weights = Weights::kGood;   // broken: not to be saved
};

enum class TrainEnd : uint8_t { kDone, kStopped };

// Trains from state.step, which goes on with the loop. A step whose loss or gradient is not finite changes neither
// parameters nor optimizer: under OnNan::kStop, and beyond most_skips, NumericalError that names step, micro-batch,
// rows and tensor, with state as it was before the step; under kSkip it is a record like others. Weights that a step
// made non-finite are NumericalError too, and then they are broken.
TrainEnd train(const TrainerParts&, const TrainerPlan&, const BatchSource&, const TrainerEvents&, LoopState& state,
               Run&);

// Sums over micro-batches, forward only; nothing where `stop_requested` said so in between.
std::optional<Sums> evaluate(const TrainerParts&, const std::vector<HostBatch>&,
                             const std::function<bool()>& stop_requested, Run&);

}   // namespace llmft
