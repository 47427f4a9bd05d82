#include "tests/model/measure.h"

#include <cmath>

#include "engine/optim/schedule.h"

namespace llmft::test {
namespace {

// f32 sums of up to 1,000 terms, each rounded to 2^-24 relative, leave about √1000·2^-24 ≈ 2e-6 of a tensor's norm; the
// goldens lie within 5e-6 of float64 themselves. A factor of 4 is for cancellation in attention's backward.
constexpr double kGradients = 2e-5;
// Logits pass through two blocks forward alone; theirs lie within 7e-7 of float64.
constexpr double kLogits = 5e-6;
constexpr double kLoss = 1e-5;   // sums of logarithms of such logits
// Ten steps, each adding what a gradient's error does to a weight. The goldens were retrained in float64: losses agree
// within 2e-6, final tensors within 2e-5 (an adapter of an embedding, whose many tiny gradients AdamW divides by
// themselves).
constexpr double kCurveLoss = 1e-5, kCurveNorm = 1e-4, kFinal = 1e-4;
constexpr double kRate = 1e-12;   // double arithmetic in another order

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

double relative(double got, double want) {
    return got == want ? 0 : std::abs(got - want) / std::abs(want);
}

// The larger, or the NaN.
void keep_worst(double& worst, double error) {
    if (!(error <= worst)) worst = std::isnan(worst) ? worst : error;
}

Measured of_tensors(const char* quantity, const Worst& worst, double allowed) {
    return {quantity, worst.error, allowed, worst.tensor};
}

int64_t sum_of(const Json& counts) {
    int64_t sum = 0;
    for (const Json& n : counts) sum += n.get<int64_t>();
    return sum;
}

std::unique_ptr<Tuning> tuning_of(const Golden& golden) {
    if (!golden.case_json.contains("adapter")) return std::make_unique<Full>();
    return std::make_unique<Lora>(Lora::from_folder(golden.adapter_folder(), golden.case_json.value("dropout", 0.0)));
}

std::vector<Measured> measure_logits(const Golden& golden, const std::filesystem::path& folder, GemmEngine gemm) {
    Lora none({.r = 1, .alpha = 1, .dropout = 0, .target_modules = "q_proj"}, 0);   // B is zero
    const auto session = open_session(folder, none, {.gemm = gemm});
    const Safetensors want = golden.tensors();
    double worst = 0;
    for (size_t i = 0; i < golden.examples.size(); ++i) {
        const SafeTensor* tensor = want.find("logits." + std::to_string(i));
        keep_worst(worst, tensor ? relative_error(logits_of(*session, golden.examples[i]), *tensor) : INFINITY);
    }
    return {{"logits", worst, kLogits}};
}

std::vector<Measured> measure_gradients(const Golden& golden, const std::filesystem::path& folder, GemmEngine gemm) {
    const auto tuning = tuning_of(golden);
    const auto session =
        open_session(folder, *tuning, {.gemm = gemm, .seed = golden.case_json.value("seed", uint32_t{0})});
    session->parts().rng.step = golden.case_json.value("step", uint32_t{0});
    const Sums sums = gradients_of(*session, golden.examples);
    const auto tokens = static_cast<double>(sum_of(golden.expected.at("predicted")));
    const auto correct = static_cast<double>(sum_of(golden.expected.at("correct")));
    return {{"loss", relative(sums.loss, golden.expected.at("sum_loss").get<double>()), kLoss},
            {"tokens", std::abs(static_cast<double>(sums.tokens) - tokens), 0},
            {"correct", std::abs(sums.correct - correct), 0},
            of_tensors("gradients", worst_error(gradients(*session), golden.tensors()), kGradients)};
}

std::vector<StepRecord> train_as(const Golden& golden, Session& session) {
    const Json& c = golden.case_json;
    const int64_t steps = c.at("steps").get<int64_t>();
    ScheduleOptions schedule;
    schedule.lr_scheduler_type = c.at("schedule").get<std::string>();
    schedule.warmup_steps = c.at("warmup_steps").get<int64_t>();
    std::vector<StepRecord> records;
    const TrainerPlan plan = {
        .total_steps = steps, .max_grad_norm = c.at("max_grad_norm"), .learning_rate = [&](int64_t step) {
            return learning_rate(schedule, c.at("lr").get<double>(), step, steps);
        }};
    Run run = session.run();
    const ExampleWindows windows(golden.examples, c.at("window").get<size_t>(), 2);
    LoopState state;
    train(session.parts(), plan, windows,
          {.on_step = [&](const StepRecord& r) { records.push_back(r); }, .stop_requested = [] { return false; }},
          state, run);
    return records;
}

std::vector<Measured> measure_curve(const Golden& golden, const std::filesystem::path& folder, GemmEngine gemm) {
    const Json& c = golden.case_json;
    const AdamwOptions adamw = {
        .beta1 = c.at("beta1"), .beta2 = c.at("beta2"), .epsilon = c.at("eps"), .weight_decay = c.at("weight_decay")};
    const auto tuning = tuning_of(golden);
    SessionOptions options = {.gemm = gemm, .tokens = 512, .adamw = adamw, .seed = c.value("seed", uint32_t{0})};
    if (c.contains("quantization"))
        options.quantization.emplace(quant4_named(c.at("quantization").get<std::string>()),
                                     c.at("double_quant").get<bool>() ? DoubleQuant::kYes : DoubleQuant::kNo);
    const auto session = open_session(folder, *tuning, options);
    const std::vector<StepRecord> records = train_as(golden, *session);
    double loss = 0, norm = 0, rate = 0;
    for (size_t i = 0; i < records.size(); ++i) {
        const auto want = [&](const char* key) { return golden.expected.at(key).at(i).get<double>(); };
        keep_worst(loss, relative(records[i].loss, want("loss")));
        keep_worst(norm, relative(records[i].grad_norm, want("grad_norm")));
        keep_worst(rate, relative(records[i].learning_rate, want("lr")));
    }
    const double missing = std::abs(c.at("steps").get<double>() - static_cast<double>(records.size()));
    std::vector<Measured> result = {{"steps", missing, 0},
                                    {"loss", loss, kCurveLoss},
                                    {"gradient norm", norm, kCurveNorm},
                                    {"learning rate", rate, kRate}};
    if (std::filesystem::exists(golden.folder / "expected.safetensors"))
        result.push_back(of_tensors("final tensors", worst_error(values(*session), golden.tensors()), kFinal));
    return result;
}

}   // namespace

Sums gradients_of(Session& session, std::span<const GoldenExample> documents) {
    NoSink sink;
    Run run = session.run();
    session.model().forward_backward(session.slots().upload(flat_batch(documents, 0), run), sink, run);
    return session.model().take_sums(run);
}

std::vector<Measured> measure(const Golden& golden, GemmEngine gemm) {
    const std::string kind = golden.kind();
    const bool logits = kind == "logits", gradient = kind.ends_with("_gradient"), curve = kind.ends_with("_curve"),
               merge = kind == "merge", combination = kind == "combine";
    if (!logits && !gradient && !curve && !merge && !combination) return {};
    const auto folder = golden.model_folder();
    if (!folder) return {};
    if (logits) return measure_logits(golden, *folder, gemm);
    if (merge) return measure_merge(golden, *folder, gemm);
    if (combination) return measure_combination(golden, *folder, gemm);
    return gradient ? measure_gradients(golden, *folder, gemm) : measure_curve(golden, *folder, gemm);
}

}   // namespace llmft::test
