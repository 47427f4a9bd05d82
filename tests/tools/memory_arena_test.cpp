// A device without the memory that was planned, and an arena that is too small by a byte, wherever that shows.
#include <doctest/doctest.h>

#include <numeric>

#include "model/adapter/methods.h"
#include "model/config.h"
#include "tests/harness/paths.h"
#include "tools/session.h"

using namespace llmft;
using namespace llmft::test;

namespace {

class EmptyDevice final : public Device {
public:
    DeviceKind kind() const override { return cpu_->kind(); }
    DeviceProperties properties() const override { return cpu_->properties(); }
    Stream stream() override { return cpu_->stream(); }
    void* allocate(int64_t bytes) override { throw OutOfMemory("host memory: " + std::to_string(bytes) + " bytes"); }
    void free(void*, int64_t) noexcept override { FAIL_CHECK("nothing was given out"); }
    void upload(const Tensor&, const void*, Stream) override {}
    void download(void*, const Tensor&, Stream) override {}
    void zero(const Tensor&, Stream) override {}
    void synchronize(Stream) override {}

private:
    std::unique_ptr<Device> cpu_ = make_cpu_device({.gemm = GemmEngine::kPortable});
};

// Batches of every length up to the most, the longest among them, over and over.
class Lengths final : public BatchSource {
public:
    explicit Lengths(int64_t most) : most_(most) {}
    int64_t windows_per_epoch() const override { return most_; }
    Window window(int64_t step) const override {
        const int64_t tokens = most_ - step * 7 % most_;
        return {.micro_batches = {full_batch(tokens, tokens)}, .examples = 1, .input_tokens = tokens, .epoch = 0};
    }

private:
    int64_t most_;
};

constexpr int64_t kTokens = 24;

struct Setting {
    ModelConfig config = read_model_config(source_dir() / "tests/golden/tiny-gqa");
    SessionShape shape = {.tokens = kTokens, .recompute = {}};
    std::unique_ptr<Tuning> tuning = method("lora").make({});

    Plan plan() const { return plan_session(config, shape, kTokens, *tuning); }

    // Steps of all lengths on `device`; the peak of its arena.
    int64_t train(std::unique_ptr<Device> device, int64_t capacity, int64_t steps) const {
        Session session(std::move(device), capacity, config, shape, *tuning);
        Run run = session.run();
        tuning->initialise(session.model(), run);
        LoopState state;
        const TrainerPlan trainer = {
            .total_steps = steps, .max_grad_norm = 1, .learning_rate = [](int64_t) { return 0.0; }};
        llmft::train(session.parts(), trainer, Lengths(kTokens),
                     {.on_step = [](const StepRecord&) {}, .stop_requested = [] { return false; }}, state, run);
        return session.arena().peak_bytes();
    }
};

int64_t number_before(const std::string& text, const char* word) {
    const size_t end = text.find(word);
    REQUIRE(end != std::string::npos);
    const size_t begin = text.find_last_not_of("0123456789", end - 1) + 1;
    return std::stoll(text.substr(begin, end - begin));
}

}   // namespace

TEST_CASE("a device that gives no memory is OutOfMemory, and gets nothing back") {
    const Setting setting;
    CHECK_THROWS_AS(setting.train(std::make_unique<EmptyDevice>(), setting.plan().peak_bytes, 1), OutOfMemory);
}

TEST_CASE("steps of all lengths fill the arena to exactly what was planned") {
    const Setting setting;
    const int64_t planned = setting.plan().peak_bytes;
    CHECK(setting.train(make_dry_device(), planned, 2 * kTokens) == planned);
    CHECK(setting.train(make_cpu_device({.gemm = GemmEngine::kPortable}), planned, 2 * kTokens) == planned);
}

TEST_CASE("an arena that is a byte too small for any one tensor is OutOfMemory that names it and what would help") {
    const Setting setting;
    const int64_t planned = setting.plan().peak_bytes;
    int64_t enough = 0, places = 0;
    while (true) {
        std::string said;
        try {
            setting.train(make_dry_device(), enough, 1);
        } catch (const OutOfMemory& e) {
            said = e.what();
        }
        if (said.empty()) break;
        CHECK(said.starts_with("arena: "));
        CHECK(said.find("lower --tokens-per-microbatch") != std::string::npos);
        const int64_t used = enough - number_before(said, " of ");
        const int64_t next = used + number_before(said, " bytes");
        REQUIRE(next > enough);
        // The byte before is not enough for the same tensor.
        std::string again;
        try {
            setting.train(make_dry_device(), next - 1, 1);
        } catch (const OutOfMemory& e) {
            again = e.what();
        }
        CHECK(again.substr(0, again.find(" needs")) == said.substr(0, said.find(" needs")));
        enough = next;
        ++places;
    }
    CHECK(enough == planned);
    CHECK(places > 50);
    std::printf("%lld places where an arena can be too small\n", static_cast<long long>(places));
}
