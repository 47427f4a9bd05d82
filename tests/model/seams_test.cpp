// What hangs on the model from outside: the gradient sink, and a result that can always be written.
#include <doctest/doctest.h>

#include <algorithm>

#include "model/adapter/peft.h"
#include "model/save.h"
#include "tests/harness/temp_folder.h"
#include "tests/model/golden.h"

using namespace llmft;
using namespace llmft::test;

namespace {

class RecordingSink final : public GradSink {
public:
    explicit RecordingSink(Session& session) : session_(session) {}
    void ready(Range range) override {
        ranges.push_back(range);
        values.push_back(read(range));
    }
    std::vector<float> read(Range range) {
        Run run = session_.run();
        std::vector<float> result(static_cast<size_t>(range.count));
        run.device.download(result.data(), session_.model().parameters().grads().columns(range.first, range.count),
                            run.stream);
        return result;
    }
    std::vector<Range> ranges;
    std::vector<std::vector<float>> values;   // when each was said to be ready

private:
    Session& session_;
};

void check_sink(const std::string& name, Tuning& tuning) {
    CAPTURE(name);
    const Golden golden = read_golden(name);
    const auto session = open_session(*golden.model_folder(), tuning, {});
    RecordingSink sink(*session);
    Run run = session->run();
    session->model().forward_backward(session->slots().upload(flat_batch(golden.examples, 0), run), sink, run);
    int64_t covered = 0;
    for (size_t i = 0; i < sink.ranges.size(); ++i) {
        covered += sink.ranges[i].count;
        CHECK(sink.read(sink.ranges[i]) == sink.values[i]);   // nothing was added afterwards
        for (size_t j = 0; j < i; ++j) CHECK(sink.ranges[i].first != sink.ranges[j].first);
    }
    CHECK(covered == session->model().parameters().count());
}

}   // namespace

TEST_CASE("the sink hears of every gradient once, when its last addition is made") {
    Full full, untied;
    check_sink("grad-full-tiny-gqa", full);
    check_sink("grad-full-tiny-llama3", untied);
    Lora lora = Lora::from_folder(read_golden("grad-lora-tiny-gqa").adapter_folder(), 0);
    check_sink("grad-lora-tiny-gqa", lora);
}

TEST_CASE("a result fits into the memory that the training was planned for, in another dtype too") {
    const Golden golden = read_golden("tiny-gqa");
    const ModelConfig config = read_model_config(golden.folder);
    const SessionShape shape = {
        .dtype = DType::kBf16, .tokens = 1, .recompute = {}};   // the arena is hardly larger than the weights
    Full full;
    Session session(make_cpu_device({.gemm = GemmEngine::kPortable}), plan_session(config, shape, 1, full).peak_bytes,
                    config, shape, full);
    Run run = session.run();
    const TempFolder folder;
    save_model(session.model(), {.base = FolderModel(golden.folder), .output = folder.path()}, run);
    CHECK(Safetensors::open(folder.path() / "model.safetensors").tensors().size() ==
          session.model().weight_targets().size());
}

TEST_CASE("adapters in upper layers alone train: o_proj and down_proj need room beside the residual's gradient") {
    const Golden golden = read_golden("grad-lora-tiny-gqa");
    for (const char* target : {"model.layers.1.self_attn.o_proj", "model.layers.1.mlp.down_proj"}) {
        Lora lora({.r = 3, .target_modules = target}, 1);
        const auto session = open_session(*golden.model_folder(), lora, {});
        RecordingSink sink(*session);
        Run run = session->run();
        session->model().forward_backward(session->slots().upload(flat_batch(golden.examples, 0), run), sink, run);
        CHECK(sink.ranges.size() == 2);
        const auto largest = [](const std::vector<float>& v) { return *std::max_element(v.begin(), v.end()); };
        CHECK(largest(sink.values[1]) > 0);   // B's gradient; A's is zero while B is
    }
}

TEST_CASE("adapters whose initialisation changes the base are refused") {
    for (const char* init : {"pissa", "olora", "pissa_niter_4", "loftq", "corda"}) {
        Json config =
            parse_json_file(read_golden("grad-lora-tiny-gqa").adapter_folder() / "adapter_config.json", JsonLimits{});
        config["init_lora_weights"] = init;
        const TempFolder folder;
        write_file(folder.path() / "adapter_config.json", hf_json(config));
        CHECK_THROWS_AS(read_lora_config(folder.path()), UserError);
    }
}
