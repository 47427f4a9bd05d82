// Equalities that need no reference: how examples are grouped, how many threads run, and what a plan predicts.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "kernels/base/isa.h"
#include "kernels/base/parallel.h"
#include "tests/harness/random.h"
#include "tests/model/golden.h"

using namespace llmft;
using namespace llmft::test;

namespace {

std::vector<GoldenExample> random_examples(size_t count) {
    Random random("equality");
    std::vector<GoldenExample> examples(count);
    for (GoldenExample& e : examples) {
        const int64_t length = 2 + random.below(30), prompt = random.below(length - 1);
        for (int64_t t = 0; t < length; ++t) {
            e.ids.push_back(static_cast<int32_t>(random.below(100)));
            e.labels.push_back(t < prompt ? kNoLoss : e.ids.back());
        }
    }
    return examples;
}

// Gradient sums of the examples, cut into micro-batches of at most `tokens` tokens and `most` examples.
std::vector<float> gradient_in_groups(Session& session, std::span<const GoldenExample> examples, size_t tokens,
                                      size_t most) {
    NoSink sink;
    Run run = session.run();
    run.device.zero(session.model().parameters().grads(), run.stream);
    for (size_t first = 0; first < examples.size();) {
        size_t count = 0, used = 0;
        while (first + count < examples.size() && count < most &&
               (count == 0 || used + examples[first + count].ids.size() <= tokens))
            used += examples[first + count++].ids.size();
        session.model().forward_backward(
            session.slots().upload(flat_batch(examples.subspan(first, count), static_cast<int32_t>(first)), run), sink,
            run);
        first += count;
    }
    const Tensor grads = session.model().parameters().grads();
    std::vector<float> result(static_cast<size_t>(grads.cols));
    run.device.download(result.data(), grads, run.stream);
    return result;
}

double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
    double dd = 0, bb = 0;
    for (size_t i = 0; i < a.size(); ++i)
        dd += std::pow(double{a[i]} - double{b[i]}, 2), bb += double{b[i]} * double{b[i]};
    return std::sqrt(dd / bb);
}

}   // namespace

TEST_CASE("the gradient of sixteen examples does not depend on how they are grouped, with dropout on") {
    const Golden golden = read_golden("grad-lora-tiny-gqa");
    Lora lora = Lora::from_folder(golden.adapter_folder(), 0.3);
    const auto session = open_session(*golden.model_folder(), lora, {.tokens = 512, .seed = 11});
    const std::vector<GoldenExample> examples = random_examples(16);
    const std::vector<float> whole = gradient_in_groups(*session, examples, 512, 16);
    struct Grouping {
        size_t tokens, most;
    };
    for (const Grouping g :
         {Grouping{512, 4}, Grouping{512, 1}, Grouping{64, 16}, Grouping{37, 16}, Grouping{100, 16}}) {
        CAPTURE(g.tokens);
        CAPTURE(g.most);
        // Sums over tokens are added in other orders: √500 roundings of 2^-24 relative to the largest partial sum.
        CHECK(relative_difference(gradient_in_groups(*session, examples, g.tokens, g.most), whole) <= 1e-5);
    }
}

TEST_CASE("a mask that did not follow its example would be seen: other keys give another gradient") {
    const Golden golden = read_golden("grad-lora-tiny-gqa");
    Lora lora = Lora::from_folder(golden.adapter_folder(), 0.3);
    const auto session = open_session(*golden.model_folder(), lora, {.tokens = 512, .seed = 11});
    const std::vector<GoldenExample> examples = random_examples(16);
    const std::vector<float> first = gradient_in_groups(*session, examples, 512, 16);
    session->parts().rng.step = 1;
    CHECK(relative_difference(gradient_in_groups(*session, examples, 512, 16), first) > 1e-2);
}

TEST_CASE("gradients have the same bits for any number of threads, with either GEMM engine and in bf16") {
    const Golden golden = read_golden("grad-lora-tiny-gqa");
    const int threads = thread_count();
    struct Variant {
        GemmEngine gemm;
        DType dtype;
    };
    std::vector<Variant> variants = {{GemmEngine::kPortable, DType::kBf16}};
    for (const GemmEngine gemm : gemm_engines()) variants.push_back({gemm, DType::kF32});
    for (const Variant v : variants) {
        std::vector<float> want;
        for (const int n : {1, 2, 3}) {
            set_thread_count(n);
            Lora lora = Lora::from_folder(golden.adapter_folder(), 0.3);
            const auto session =
                open_session(*golden.model_folder(), lora, {.gemm = v.gemm, .dtype = v.dtype, .tokens = 512});
            const std::vector<float> got = gradient_in_groups(*session, random_examples(16), 512, 16);
            if (want.empty())
                want = got;
            else
                CHECK(got == want);
        }
    }
    set_thread_count(threads);
}

TEST_CASE("bf16 gradients lie as far from f32 as bf16 rounding explains") {
    const Golden golden = read_golden("grad-lora-tiny-gqa");
    Lora a = Lora::from_folder(golden.adapter_folder(), 0), b = Lora::from_folder(golden.adapter_folder(), 0);
    const std::vector<GoldenExample> examples = random_examples(16);
    const auto f32 = open_session(*golden.model_folder(), a, {.tokens = 512});
    const auto bf16 = open_session(*golden.model_folder(), b, {.dtype = DType::kBf16, .tokens = 512});
    // About twenty roundings of 2^-9 between a weight and its gradient, adding like a random walk: √20·2^-9 ≈ 0.9 %;
    // random weights amplify them a few times through two norms.
    const double difference =
        relative_difference(gradient_in_groups(*bf16, examples, 512, 16), gradient_in_groups(*f32, examples, 512, 16));
    CHECK(difference <= 0.05);
    CHECK(difference > 1e-4);   // it was computed in bf16 at all
}

namespace {

// The real loop: one training step on the batch, then an evaluation of it.
int64_t measured_peak(const ModelConfig& config, const SessionShape& shape, int64_t capacity, const HostBatch& batch,
                      Tuning& tuning) {
    Session session(make_cpu_device({.gemm = GemmEngine::kPortable}), capacity, config, shape, tuning);
    Run run = session.run();
    tuning.initialise(session.model(), run);
    const std::vector<HostBatch> evaluation = {batch};
    class One final : public BatchSource {
    public:
        explicit One(const HostBatch& only) { window_.micro_batches = {only}; }
        int64_t windows_per_epoch() const override { return 1; }
        Window window(int64_t) const override { return window_; }

    private:
        Window window_;
    };
    LoopState state;
    train(session.parts(),
          {.total_steps = 1,
           .max_grad_norm = 1,
           .learning_rate = [](int64_t) { return 0.0; },
           .evaluate_after = [](int64_t) { return true; },
           .evaluation = &evaluation},
          One(batch), {.on_step = [](const StepRecord&) {}, .stop_requested = [] { return false; }}, state, run);
    return session.arena().peak_bytes();
}

void check_peak(const char* model, const SessionShape& shape, Tuning& tuning) {
    CAPTURE(model);
    const ModelConfig config = read_model_config(read_golden(model).folder);
    const Plan plan = plan_session(config, shape, 48, tuning);
    CHECK(measured_peak(config, shape, plan.peak_bytes, full_batch(96, 48), tuning) == plan.peak_bytes);
    std::vector<GoldenExample> few = random_examples(2);
    for (GoldenExample& example : few)
        for (std::vector<int32_t>* ids : {&example.ids, &example.labels})
            for (int32_t& id : *ids)
                if (id >= 0) id %= static_cast<int32_t>(config.vocab_size);
    CHECK(measured_peak(config, shape, plan.peak_bytes, flat_batch(few, 0), tuning) <= plan.peak_bytes);
    int64_t sum = 0;
    for (const Arena::Row& row : plan.memory) sum += row.bytes;
    CHECK(sum == plan.peak_bytes);
}

}   // namespace

TEST_CASE("the measured high-water mark is the plan's for a full micro-batch, and never above it otherwise") {
    for (const DType dtype : {DType::kF32, DType::kBf16})
        for (const Recompute policy : {Recompute::kNone, Recompute::kFfn, Recompute::kFull}) {
            const SessionShape shape = {.dtype = dtype, .tokens = 96, .recompute = std::vector<Recompute>(2, policy)};
            for (const char* model : {"tiny-gqa", "tiny-qwen3", "tiny-qwen2-window", "tiny-rope-longrope"}) {
                Full full;
                check_peak(model, shape, full);
                SessionShape packed = shape;
                packed.quantization = Quantization(Quant4::kNf4, DoubleQuant::kYes);
                for (const double dropout : {0.0, 0.3}) {
                    Lora lora({.r = 3, .alpha = 6, .dropout = dropout}, 0);
                    check_peak(model, shape, lora);
                    check_peak(model, packed, lora);
                }
            }
        }
}

namespace {

// The first document counts twice, the second not at all, all others once: known before the log-probabilities are, but
// asked for after them.
class Weighted final : public Objective {
public:
    Head head() const override { return Head::kTwoPass; }
    void d_logp(const LogProbs& log_probs, const Batch& batch, const Tensor& d_logp, Run& run) const override {
        if (run.device.kind() == DeviceKind::kDry) return;   // nothing to weigh in a plan
        std::vector<int32_t> index(static_cast<size_t>(batch.loss_rows)), example(static_cast<size_t>(batch.tokens));
        std::vector<float> loss(index.size()), weights(static_cast<size_t>(d_logp.cols), 0.0f);
        run.device.download(index.data(), batch.loss_index.columns(0, batch.loss_rows), run.stream);
        run.device.download(example.data(), batch.example, run.stream);
        run.device.download(loss.data(), log_probs.loss.columns(0, batch.loss_rows), run.stream);
        for (size_t i = 0; i < index.size(); ++i) {
            REQUIRE(loss[i] > 0);   // the first pass was made
            const int32_t document = example[static_cast<size_t>(index[i])];
            weights[i] = document == 0 ? -2.0f : document == 1 ? 0.0f : -1.0f;
        }
        run.device.upload(d_logp, weights.data(), run.stream);
    }
};

}   // namespace

TEST_CASE("a two-pass objective weighs each token's gradient: documents counted twice, not at all, once") {
    const Golden golden = read_golden("grad-lora-tiny-gqa");
    const std::vector<GoldenExample> examples = random_examples(4);
    const Weighted weighted;
    const auto gradient = [&](const Objective& objective, std::span<const GoldenExample> batch) {
        Lora lora = Lora::from_folder(golden.adapter_folder(), 0);
        const auto session = open_session(*golden.model_folder(), lora, {.objective = &objective});
        return gradient_in_groups(*session, batch, 512, 16);
    };
    const std::vector<float> got = gradient(weighted, examples);
    std::vector<float> want = gradient(sft(), std::span(examples).subspan(2));
    const std::vector<float> first = gradient(sft(), std::span(examples).first(1));
    for (size_t i = 0; i < want.size(); ++i) want[i] += 2 * first[i];
    CHECK(relative_difference(got, want) <= 1e-5);   // the same sums in another order
}

TEST_CASE("with the portable GEMM, gradients have the same bits on every instruction set") {
    const Golden golden = read_golden("grad-lora-tiny-gqa");
    const Isa best = isa();
    std::vector<float> want;
    for (const Isa one : {Isa::kV4, Isa::kV3, Isa::kV2}) {
        if (!set_isa(one)) continue;
        Lora lora = Lora::from_folder(golden.adapter_folder(), 0.3);
        const auto session = open_session(*golden.model_folder(), lora, {.tokens = 512});
        const std::vector<float> got = gradient_in_groups(*session, random_examples(4), 512, 16);
        if (want.empty())
            want = got;
        else
            CHECK(got == want);
    }
    set_isa(best);
}
