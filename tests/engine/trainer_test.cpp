// The loop around a model of one matrix whose loss and gradient the test chooses: what a NaN does, and going on.
#include "engine/train/trainer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/optim/adamw.h"
#include "engine/train/run_state.h"
#include "engine/train/spike.h"
#include "kernels/base/error.h"

using namespace llmft;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Where something is not finite: in the loss or in the gradient of "b", in one micro-batch of one step.
struct Injection {
    enum class Into : uint8_t { kNothing, kLoss, kGradient } into = Into::kNothing;
    double value = kNan;
    int64_t step = 0;
    int32_t micro_batch = 0;
};

class ToyModel final : public Trainable {
public:
    ToyModel(const Rng& rng, Arena& arena, Injection injection) : rng_(rng), injection_(injection) {
        parameters_.add_block({{.name = "a", .rows = 2}, {.name = "b", .rows = 1}}, 3, Decay::kYes);
        parameters_.allocate(arena);
        for (int64_t i = 0; i < parameters_.values().cols; ++i) values()[i] = 1;
    }
    void forward_backward(const Batch& batch, GradSink&, Run&) override {
        const int32_t which = batch.ids.as<int32_t>()[0];
        const bool here = (every_step_ || rng_.step == injection_.step) && which == injection_.micro_batch;
        for (const Parameter& p : parameters_.parameters())
            for (int64_t i = 0; i < p.rows * p.cols; ++i) p.grad.as<float>()[i] += 0.5f;
        if (here && injection_.into == Injection::Into::kGradient)
            parameters_.parameters()[1].grad.as<float>()[2] = static_cast<float>(injection_.value);
        sums_ += {.loss = here && injection_.into == Injection::Into::kLoss ? injection_.value : 3.0,
                  .correct = 1,
                  .tokens = batch.tokens};
    }
    void evaluate(const Batch& batch, Run&) override { sums_ += {.loss = 2, .correct = 1, .tokens = batch.tokens}; }
    Sums take_sums(Run&) override { return std::exchange(sums_, Sums()); }
    const ParameterSet& parameters() const override { return parameters_; }
    float* values() const { return parameters_.values().as<float>(); }
    void break_every_step() {
        injection_.into = Injection::Into::kLoss;
        every_step_ = true;
    }

private:
    bool every_step_ = false;
    const Rng& rng_;
    Injection injection_;
    ParameterSet parameters_;
    Sums sums_;
};

class NoMethod final : public Method {
public:
    void before_step(int64_t, Run&) override {}
    void after_grads(int64_t, Run&) override {}
};

HostBatch toy_batch(int32_t which) {
    return {.ids = {which, 0},
            .positions = {0, 1},
            .targets = {0, kNoLoss},
            .example = {0, 0},
            .cu_seqlens = {0, 2},
            .rows = {10 + which}};
}

class ToySource final : public BatchSource {
public:
    int64_t windows_per_epoch() const override { return 5; }
    Window window(int64_t) const override {
        return {.micro_batches = {toy_batch(0), toy_batch(1)}, .examples = 2, .input_tokens = 4, .epoch = 0};
    }
};

struct Toy {
    std::unique_ptr<Device> device = make_cpu_device({.gemm = GemmEngine::kPortable});
    Arena arena{*device, 1 << 20};
    Rng rng;
    Profile profile{Profile::Clock::kOff};
    Run run{.device = *device, .stream = device->stream(), .arena = arena, .rng = rng, .profile = profile};
    ToyModel model;
    NoMethod method;
    Adamw optimizer;
    GradientScale scale{arena};
    BatchSlots slots{2, 1, arena};
    std::unique_ptr<Comm> comm = make_single_comm();
    LoopState state;
    std::vector<StepRecord> records;
    std::vector<HostBatch> evaluation = {toy_batch(0), toy_batch(1)};
    int64_t stop_after_asking = INT64_MAX;   // the question at which a request to stop has come
    TrainerPlan plan = {.total_steps = 6, .max_grad_norm = 1, .learning_rate = [](int64_t) { return 0.01; }};

    explicit Toy(Injection injection = {}) : model(rng, arena, injection), optimizer({}, model.parameters(), arena) {}

    TrainEnd train() {
        int64_t asked = 0;
        return llmft::train({.model = model,
                             .method = method,
                             .optimizer = optimizer,
                             .scale = scale,
                             .slots = slots,
                             .comm = *comm,
                             .rng = rng},
                            plan, ToySource(),
                            {.on_step = [this](const StepRecord& r) { records.push_back(r); },
                             .stop_requested = [this, &asked] { return asked++ >= stop_after_asking; }},
                            state, run);
    }
    std::vector<float> numbers() const {
        std::vector<float> all;
        for (const Tensor& t : {model.parameters().values(), optimizer.state()[0].tensor, optimizer.state()[1].tensor})
            all.insert(all.end(), t.as<float>(), t.as<float>() + t.cols);
        return all;
    }
};

// The parameters and moments after `steps` steps without any injection.
std::vector<float> after(int64_t steps) {
    Toy toy;
    toy.plan.total_steps = steps;
    toy.train();
    return toy.numbers();
}

std::string message_of(Toy& toy) {
    try {
        toy.train();
    } catch (const NumericalError& error) {
        return error.what();
    }
    return {};
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}   // namespace

TEST_CASE("a NaN or infinity in any micro-batch's loss or gradient is seen in its step, which changes nothing") {
    using Into = Injection::Into;
    for (const Into into : {Into::kLoss, Into::kGradient})
        for (const double value : {kNan, kInfinity, -kInfinity})
            for (const int64_t step : {0, 3, 5})
                for (const int32_t micro_batch : {0, 1}) {
                    CAPTURE(static_cast<int>(into));
                    CAPTURE(value);
                    CAPTURE(step);
                    Toy toy({.into = into, .value = value, .step = step, .micro_batch = micro_batch});
                    const std::string text = message_of(toy);
                    CHECK(has(text, "step " + std::to_string(step + 1) + ":"));
                    CHECK(has(text, "micro-batch " + std::to_string(micro_batch + 1) + " of 2 (rows " +
                                        std::to_string(11 + micro_batch) + ")"));
                    CHECK(has(text, into == Into::kLoss ? "the loss is" : "the gradient of b"));
                    CHECK(toy.state.step == step);
                    CHECK(toy.records.size() == static_cast<size_t>(step));
                    CHECK(toy.state.weights == LoopState::Weights::kGood);
                    CHECK(toy.numbers() == after(step));
                }
}

TEST_CASE("a skipped step changes nothing but its record, and the optimizer does not count it") {
    Toy toy({.into = Injection::Into::kGradient, .value = kNan, .step = 2});
    toy.plan.on_nan = OnNan::kSkip;
    CHECK(toy.train() == TrainEnd::kDone);
    REQUIRE(toy.records.size() == 6);
    CHECK(toy.records[2].skipped);
    CHECK(std::isnan(toy.records[2].grad_norm));   // the true value
    CHECK_FALSE(toy.records[3].skipped);
    CHECK(toy.state.skipped == 1);
    CHECK(toy.state.skipped_in_a_row == 0);
    CHECK(toy.numbers() == after(5));   // the same gradient and rate in each step: one fewer of them
}

TEST_CASE("more skipped steps in a row than allowed end the run") {
    for (const int64_t most : {0, 3}) {
        Toy toy;
        toy.plan.on_nan = OnNan::kSkip;
        toy.plan.most_skips = most;
        toy.model.break_every_step();
        const std::string text = message_of(toy);
        CHECK(has(text, std::to_string(most) + " steps in a row were skipped"));
        CHECK(toy.records.size() == static_cast<size_t>(most));
        CHECK(toy.numbers() == after(0));
    }
}

TEST_CASE("weights that an update makes infinite end the run in that step, named, and are not to be saved") {
    Toy toy;
    toy.plan.learning_rate = [](int64_t step) { return step == 1 ? 1e39 : 0.01; };
    const std::string text = message_of(toy);
    CHECK(has(text, "step 2: its update made a not finite"));
    CHECK(toy.state.step == 1);
    CHECK(toy.state.weights == LoopState::Weights::kBroken);
}

TEST_CASE("a run that stops and goes on, also in an evaluation, is the run that did not") {
    Toy whole;
    whole.plan.evaluate_after = [](int64_t step) { return step % 2 == 0; };
    whole.plan.evaluation = &whole.evaluation;
    whole.train();
    for (int64_t asked = 0; asked < 12; ++asked) {
        CAPTURE(asked);
        Toy toy;
        toy.plan.evaluate_after = whole.plan.evaluate_after;
        toy.plan.evaluation = &toy.evaluation;
        toy.stop_after_asking = asked;
        toy.train();
        toy.stop_after_asking = INT64_MAX;
        CHECK(toy.train() == TrainEnd::kDone);
        CHECK(toy.numbers() == whole.numbers());
        REQUIRE(toy.records.size() == whole.records.size());
        for (size_t i = 0; i < toy.records.size(); ++i) {
            CHECK(toy.records[i].step == whole.records[i].step);
            CHECK(toy.records[i].loss == whole.records[i].loss);
            CHECK(toy.records[i].num_tokens == whole.records[i].num_tokens);
            CHECK(toy.records[i].eval_loss == whole.records[i].eval_loss);
        }
    }
}

TEST_CASE("an evaluation that is not finite is no gain, and none is best while all are such") {
    BestEvaluation best;
    best.add(1, kNan);
    best.add(2, kInfinity);
    CHECK_FALSE(best.step);
    CHECK(best.without_gain == 2);
    best.add(3, 5);
    best.add(4, kNan);
    CHECK(best.step == 3);
    CHECK(best.value == 5);
    CHECK(best.without_gain == 1);
    best.add(5, 4);
    CHECK(best.step == 5);
    CHECK(best.without_gain == 0);
}

TEST_CASE("a loss is watched from the first step on: a ceiling stands in until there are enough for a median") {
    // A learning rate of 3 on tests/golden/tiny-gqa.
    SpikeWatch astray;
    CHECK_FALSE(astray.add(6.0));
    for (const double loss : {146.9, 242.1, 180.0}) CHECK(astray.add(loss) == 6.0);
    CHECK(astray.add(15.01) == 6.0);
    CHECK_FALSE(astray.add(14.99));
    CHECK_FALSE(astray.add(32.9));   // the highest that was none counts
    SpikeWatch forgets;              // fine-tuned from 2 nats, then as if it knew nothing of 50 000 tokens
    CHECK_FALSE(forgets.add(2));
    CHECK(forgets.add(std::log(50'000.0)) == 2.0);
    SpikeWatch first;   // worse than a model without any knowledge
    CHECK(first.add(33) == doctest::Approx(21 * std::log(2.0)).epsilon(1e-4));
    SpikeWatch small_batches;
    for (int i = 0; i < 15; ++i) CHECK_FALSE(small_batches.add(i % 3 == 0 ? 0.4 : 3.6));
    // The median takes over with the 17th: what the ceiling let pass is a spike then.
    SpikeWatch steady;
    for (size_t i = 0; i < SpikeWatch::kFewest; ++i) CHECK_FALSE(steady.add(2 + 0.01 * static_cast<double>(i % 2)));
    CHECK(steady.add(4));
}

TEST_CASE("a loss far above the usual is a spike; noise, decline and NaN are not") {
    SpikeWatch watch;
    for (int i = 0; i < 400; ++i) CHECK_FALSE(watch.add(4 - 0.005 * i + 0.05 * std::sin(i * 1.7)));
    CHECK_FALSE(watch.add(kNan));
    CHECK_FALSE(watch.add(kInfinity));
    const auto usual = watch.add(9);
    REQUIRE(usual);
    CHECK(*usual == doctest::Approx(2.3).epsilon(0.1));
    CHECK_FALSE(watch.add(2.01));
    CHECK(watch.add(9));   // one spike does not make the next one usual
}
