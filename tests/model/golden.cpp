#include "tests/model/golden.h"

#include <doctest/doctest.h>

#include <cmath>

#include "kernels/gemm/gemm.h"
#include "model/load.h"
#include "tests/harness/paths.h"
#include "tests/harness/test_data.h"

namespace llmft::test {
namespace {

std::filesystem::path golden_root() {
    return source_dir() / "tests" / "golden";
}

std::map<std::string, std::vector<float>> read_parameters(Session& session, Tensor Parameter::*which) {
    std::map<std::string, std::vector<float>> result;
    Run run = session.run();
    for (const Parameter& p : session.model().parameters().parameters()) {
        const bool adapter = p.name.find(".lora_") != std::string::npos;
        std::vector<float>& to = result[(adapter ? "base_model.model." : "") + p.name];
        to.resize(static_cast<size_t>(p.rows * p.cols));
        run.device.download(to.data(), p.*which, run.stream);
    }
    return result;
}

}   // namespace

std::optional<std::filesystem::path> Golden::model_folder() const {
    const std::string model = case_json.at("model").get<std::string>();
    if (model.starts_with("data/")) return test_data(model.substr(5));
    return golden_root() / model;
}

std::filesystem::path Golden::adapter_folder() const {
    return golden_root() / case_json.at("adapter").get<std::string>();
}
Safetensors Golden::tensors() const {
    return Safetensors::open(folder / "expected.safetensors");
}

Golden read_golden(const std::string& name) {
    Golden golden;
    golden.folder = golden_root() / name;
    golden.case_json = parse_json_file(golden.folder / "case.json", JsonLimits{});
    golden.expected = parse_json_file(golden.folder / "expected.json", JsonLimits{});
    for (const Json& one : parse_json_file(golden.folder / "batch.json", JsonLimits{}))
        if (one.contains("input_ids"))
            golden.examples.push_back(
                {one.at("input_ids").get<std::vector<int32_t>>(), one.at("labels").get<std::vector<int32_t>>()});
    return golden;
}

std::vector<GemmEngine> gemm_engines() {
    std::vector<GemmEngine> engines = {GemmEngine::kPortable};
    if (cpu::gemm_has(GemmEngine::kOneDnn, DType::kF32)) engines.push_back(GemmEngine::kOneDnn);
    return engines;
}

HostBatch flat_batch(std::span<const GoldenExample> examples, int32_t first_index) {
    HostBatch batch;
    for (const GoldenExample& example : examples) {
        batch.cu_seqlens.push_back(static_cast<int32_t>(batch.ids.size()));
        for (size_t i = 0; i < example.ids.size(); ++i) {
            batch.ids.push_back(example.ids[i]);
            batch.positions.push_back(static_cast<int32_t>(i));
            batch.targets.push_back(i + 1 < example.ids.size() ? example.labels[i + 1] : kNoLoss);
            batch.example.push_back(first_index);
        }
        ++first_index;
    }
    batch.cu_seqlens.push_back(static_cast<int32_t>(batch.ids.size()));
    return batch;
}

std::unique_ptr<Session> open_session(const std::filesystem::path& model_folder, Tuning& tuning,
                                      const SessionOptions& options) {
    const ModelConfig config = read_model_config(model_folder);
    const SessionShape shape = {
        .dtype = options.dtype,
        .tokens = options.tokens,
        .recompute = std::vector<Recompute>(static_cast<size_t>(config.num_hidden_layers), options.recompute),
        .use = options.use,
        .adamw = options.adamw,
        .seed = options.seed,
        .objective = options.objective};
    // Twice the plan: tests also ask for logits of every row, which no step holds.
    const int64_t logits = 2 * options.tokens * config.vocab_size * 4;
    auto session = std::make_unique<Session>(
        make_cpu_device({.gemm = options.gemm}),
        2 * plan_session(config, shape, options.tokens, tuning).peak_bytes + logits, config, shape, tuning);
    Run run = session->run();
    load_weights(session->model(), *FolderModel(model_folder).weights(), run);
    tuning.initialise(session->model(), run);
    tuning.before_step(0, run);
    return session;
}

std::map<std::string, std::vector<float>> gradients(Session& session) {
    return read_parameters(session, &Parameter::grad);
}
std::map<std::string, std::vector<float>> values(Session& session) {
    return read_parameters(session, &Parameter::value);
}

void check_tensors(const std::map<std::string, std::vector<float>>& got, const Safetensors& want, Closeness closeness) {
    size_t compared = 0;
    for (const SafeTensor& tensor : want.tensors()) {
        if (tensor.dtype != "F32") continue;   // masks, beside the gradients they belong to
        ++compared;
        CAPTURE(tensor.name);
        REQUIRE(got.contains(tensor.name));
        const std::vector<float>& g = got.at(tensor.name);
        const auto* w = reinterpret_cast<const float*>(tensor.bytes.data());
        REQUIRE(g.size() * sizeof(float) == tensor.bytes.size());
        double gg = 0, ww = 0, gw = 0, dd = 0;
        for (size_t i = 0; i < g.size(); ++i) {
            const double a = g[i], b = w[i];
            gg += a * a, ww += b * b, gw += a * b, dd += (a - b) * (a - b);
        }
        if (ww == 0) {
            CHECK(gg == 0);
            continue;
        }
        CHECK(gw / std::sqrt(gg * ww) >= closeness.cosine);
        CHECK(std::sqrt(dd / ww) <= closeness.relative);
    }
    CHECK(got.size() == compared);
}

}   // namespace llmft::test
