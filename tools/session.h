// Everything of a run on one device, built in one order for the plan and for the real thing: device, arena, model, and
// for training the optimizer and the slots of a step. Building reads no weight: that is why a plan needs only
// config.json.
#pragma once

#include <memory>
#include <optional>

#include "engine/comm/comm.h"
#include "engine/io/model_weights.h"
#include "engine/optim/adamw.h"
#include "engine/optim/clip.h"
#include "engine/train/trainer.h"
#include "engine/train/training_state.h"
#include "model/decoder.h"

namespace llmft {

struct SessionShape {
    DType dtype = DType::kF32;
    int64_t tokens = 0;                 // most tokens of a micro-batch
    std::vector<Recompute> recompute;   // one per layer; empty: kNone everywhere
    enum class Use : uint8_t { kTrain, kEvaluate } use = Use::kTrain;
    AdamwOptions adamw = {};
    uint32_t seed = 0;
    const Objective* objective = &sft();
    std::optional<Quantization> quantization = {};   // of frozen linears
    Profile::Clock clock = Profile::Clock::kOff;     // kOn: ops are timed
};

class Session {
public:
    // capacity of the arena in bytes; < 0: without bound (dry device).
    Session(std::unique_ptr<Device> device, int64_t capacity, const ModelConfig& config, const SessionShape& shape,
            Tuning& tuning);

    Run run() {
        return {.device = *device_, .stream = device_->stream(), .arena = arena_, .rng = rng_, .profile = profile_};
    }
    Decoder& model() { return *model_; }
    const Arena& arena() const { return arena_; }
    const Profile& profile() const { return profile_; }
    const BatchSlots& slots() const { return *slots_; }
    TrainerParts parts();   // kTrain only
    TrainedState trained() const { return {.parameters = model_->parameters(), .optimizer = *optimizer_}; }

private:
    std::unique_ptr<Device> device_;
    Arena arena_;
    Rng rng_;
    Profile profile_;
    Tuning& tuning_;
    std::unique_ptr<Comm> comm_;
    std::optional<Decoder> model_;
    std::optional<BatchSlots> slots_;
    std::optional<Adamw> optimizer_;
    std::optional<GradientScale> scale_;
};

// What a run needs, from running it on the dry device.
struct Plan {
    int64_t peak_bytes = 0;
    int64_t persistent_bytes = 0;
    std::vector<Arena::Row> memory;   // by name, at the peak
    std::vector<Profile::Row> ops;    // of one step of one micro-batch
    std::vector<Gemm> products;       // its matrix products, without operands
    int64_t tokens = 0;               // of that micro-batch
    int64_t trainable = 0;            // parameters
    int64_t added = 0;                // those of them that the base does not have (under an adapter)
};
// One micro-batch of shape.tokens, in documents of `document_tokens`; every row carries loss.
HostBatch full_batch(int64_t tokens, int64_t document_tokens);
// One training step of that micro-batch.
Plan plan_session(const ModelConfig& config, const SessionShape& shape, int64_t document_tokens, Tuning& tuning);

// That the weights are those of the config's model by names, shapes and types; no value is read. Errors: those of
// expect_weights (model/load.h).
void expect_weights_of(const ModelConfig& config, const ModelWeights& weights);

}   // namespace llmft
