#include "tools/session.h"

#include <algorithm>
#include <utility>

#include "model/adapter/methods.h"
#include "model/adapter/peft.h"
#include "model/load.h"

namespace llmft {

Session::Session(std::unique_ptr<Device> device, int64_t capacity, const ModelConfig& config, const SessionShape& shape,
                 Tuning& tuning)
    : device_(std::move(device)),
      arena_(*device_, capacity),
      rng_{.seed = shape.seed, .step = 0},
      profile_(shape.clock),
      tuning_(tuning),
      comm_(make_single_comm()) {
    Run r = run();
    DecoderOptions options = {.dtype = shape.dtype,
                              .tokens = shape.tokens,
                              .recompute = shape.recompute,
                              .objective = shape.objective,
                              .quantization = shape.quantization};
    options.recompute.resize(static_cast<size_t>(config.num_hidden_layers), Recompute::kNone);
    model_.emplace(config, options, tuning, r);
    slots_.emplace(shape.tokens, DecoderOptions::kHeadChunkRows, arena_);
    if (shape.use == SessionShape::Use::kEvaluate) return;
    optimizer_.emplace(shape.adamw, model_->parameters(), arena_);
    scale_.emplace(arena_);
}

TrainerParts Session::parts() {
    return {.model = *model_,
            .method = tuning_,
            .optimizer = *optimizer_,
            .scale = *scale_,
            .slots = *slots_,
            .comm = *comm_,
            .rng = rng_};
}

HostBatch full_batch(int64_t tokens, int64_t document_tokens) {
    HostBatch batch;
    for (int64_t t = 0; t < tokens; ++t) {
        const int64_t position = t % document_tokens;
        if (position == 0) batch.cu_seqlens.push_back(static_cast<int32_t>(t));
        batch.ids.push_back(0);
        batch.positions.push_back(static_cast<int32_t>(position));
        batch.targets.push_back(0);
        batch.example.push_back(static_cast<int32_t>(t / document_tokens));
    }
    batch.cu_seqlens.push_back(static_cast<int32_t>(tokens));
    return batch;
}

namespace {

class OneWindow final : public BatchSource {
public:
    explicit OneWindow(HostBatch batch) { window_.micro_batches.push_back(std::move(batch)); }
    int64_t windows_per_epoch() const override { return 1; }
    Window window(int64_t) const override { return window_; }

private:
    Window window_;
};

}   // namespace

Plan plan_session(const ModelConfig& config, const SessionShape& shape, int64_t document_tokens, Tuning& tuning) {
    Session session(make_dry_device(), -1, config, shape, tuning);
    Run run = session.run();
    tuning.initialise(session.model(), run);
    LoopState state;
    const TrainerPlan plan = {.total_steps = 1, .max_grad_norm = 1, .learning_rate = [](int64_t) { return 0.0; }};
    train(session.parts(), plan, OneWindow(full_batch(shape.tokens, std::min(document_tokens, shape.tokens))),
          {.on_step = [](const StepRecord&) {}, .stop_requested = [] { return false; }}, state, run);
    return {.peak_bytes = session.arena().peak_bytes(),
            .persistent_bytes = session.arena().persistent_bytes(),
            .memory = session.arena().rows_at_peak(),
            .ops = session.profile().rows(),
            .products = session.profile().products(),
            .tokens = shape.tokens,
            .trainable = session.model().parameters().count(),
            .added = added_parameter_count(std::as_const(session.model()).parameters().parameters())};
}

void expect_weights_of(const ModelConfig& config, const ModelWeights& weights) {
    const auto tuning = make_inference("");
    const SessionShape shape = {
        .tokens = 1, .recompute = {}, .use = SessionShape::Use::kEvaluate, .quantization = config.quantization};
    Session dry(make_dry_device(), -1, config, shape, *tuning);
    expect_weights(dry.model(), weights);
}

}   // namespace llmft
