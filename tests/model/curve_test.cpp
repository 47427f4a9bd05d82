// Ten optimizer steps against torch's AdamW on transformers and PEFT models (tests/oracle/curves.py): loss, gradient
// norm before clipping, learning rate, and the trained tensors at the end. The windows are four examples each, in file
// order, over two epochs; clipping, warm-up and decay groups are all at work.
//
// Tolerances: the goldens were retrained in float64, losses agree within 1.4e-7 and final tensors within 2e-6; our f32
// sums add up in another order, about 1e-6 a step, ten steps.
#include <doctest/doctest.h>

#include "engine/optim/schedule.h"
#include "tests/harness/compare.h"
#include "tests/harness/skip.h"
#include "tests/model/golden.h"

using namespace llmft;
using namespace llmft::test;

namespace {

// Windows of the golden's examples in file order; micro-batches of at most `per_micro` examples.
class ExampleWindows final : public BatchSource {
public:
    ExampleWindows(const std::vector<GoldenExample>& examples, size_t window, size_t per_micro)
        : examples_(examples), window_(window), per_micro_(per_micro) {}
    int64_t windows_per_epoch() const override { return static_cast<int64_t>(examples_.size() / window_); }
    Window window(int64_t step) const override {
        Window result;
        const size_t first = static_cast<size_t>(step % windows_per_epoch()) * window_;
        for (size_t at = first; at < first + window_; at += per_micro_) {
            const size_t count = std::min(per_micro_, first + window_ - at);
            result.micro_batches.push_back(
                flat_batch(std::span(examples_).subspan(at, count), static_cast<int32_t>(at)));
            result.input_tokens += result.micro_batches.back().tokens();
        }
        result.examples = static_cast<int64_t>(window_);
        return result;
    }

private:
    const std::vector<GoldenExample>& examples_;
    size_t window_, per_micro_;
};

void check_curve(const std::string& name, Tuning& tuning, GemmEngine gemm, double tolerance) {
    CAPTURE(name);
    const Golden golden = read_golden(name);
    const auto folder = golden.model_folder();
    if (!folder) return skip("no data for " + name);
    const Json& c = golden.case_json;
    const AdamwOptions adamw = {
        .beta1 = c.at("beta1"), .beta2 = c.at("beta2"), .epsilon = c.at("eps"), .weight_decay = c.at("weight_decay")};
    const auto session = open_session(*folder, tuning, {.gemm = gemm, .tokens = 512, .adamw = adamw});
    const int64_t steps = c.at("steps").get<int64_t>();
    ScheduleOptions schedule;
    schedule.lr_scheduler_type = c.at("schedule").get<std::string>();
    schedule.warmup_steps = c.at("warmup_steps").get<int64_t>();
    std::vector<StepRecord> records;
    const TrainerPlan plan = {
        .total_steps = steps, .max_grad_norm = c.at("max_grad_norm"), .learning_rate = [&](int64_t step) {
            return learning_rate(schedule, c.at("lr").get<double>(), step, steps);
        }};
    Run run = session->run();
    const ExampleWindows windows(golden.examples, c.at("window").get<size_t>(), 2);
    train(session->parts(), plan, windows,
          {.on_step = [&](const StepRecord& r) { records.push_back(r); }, .stop_requested = [] { return false; }}, run);

    REQUIRE(records.size() == static_cast<size_t>(steps));
    for (size_t i = 0; i < records.size(); ++i) {
        CAPTURE(i);
        const auto want = [&](const char* key) { return golden.expected.at(key).at(i).get<double>(); };
        check_close("loss", records[i].loss, want("loss"), {.rel = tolerance, .why = "f32, see above"});
        check_close("grad_norm", records[i].grad_norm, want("grad_norm"),
                    {.rel = 10 * tolerance, .why = "a norm of gradients, each like a loss"});
        check_close("lr", records[i].learning_rate, want("lr"),
                    {.rel = 1e-12, .abs = 1e-18, .why = "double arithmetic in another order"});
    }
    if (std::filesystem::exists(golden.folder / "expected.safetensors"))
        check_tensors(values(*session), golden.tensors(), {.cosine = 0.9999999, .relative = 10 * tolerance});
}

}   // namespace

TEST_CASE("ten steps of LoRA follow PEFT and torch's AdamW") {
    for (const GemmEngine gemm : gemm_engines())
        for (const char* name : {"curve-lora-tiny-gqa", "curve-lora-story-llama"}) {
            Lora lora = Lora::from_folder(read_golden(name).adapter_folder(), 0);
            check_curve(name, lora, gemm, 1e-5);
        }
}

TEST_CASE("ten steps of full fine-tuning follow transformers and torch's AdamW") {
    for (const GemmEngine gemm : gemm_engines())
        for (const char* name : {"curve-full-tiny-gqa", "curve-full-story-llama"}) {
            Full full;
            check_curve(name, full, gemm, 1e-5);
        }
}
