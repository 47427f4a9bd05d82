#include "tests/model/golden.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/gemm/gemm.h"
#include "model/adapter/peft.h"
#include "model/load.h"
#include "model/names.h"
#include "tests/harness/paths.h"
#include "tests/harness/test_data.h"
#include "tools/open_model.h"

namespace llmft::test {
namespace {

std::filesystem::path golden_root() {
    return source_dir() / "tests" / "golden";
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensors read_parameters(Session& session, Tensor Parameter::*which) {
    const std::vector<Parameter>& parameters = session.model().parameters().parameters();
    const bool adapter = std::any_of(parameters.begin(), parameters.end(),
                                     [](const Parameter& p) { return p.name.find(".lora_") != std::string::npos; });
    std::vector<std::string> keys;
    if (adapter)
        keys = peft_keys(parameters);
    else
        for (const Parameter& p : parameters) keys.push_back(p.name);
    Tensors result;
    Run run = session.run();
    for (size_t i = 0; i < keys.size(); ++i) {
        const Parameter& p = parameters[i];
        std::vector<float> x(static_cast<size_t>(p.rows * p.cols));
        run.device.download(x.data(), p.*which, run.stream);
        std::vector<float>& to = result[keys[i]];
        to = x;
        if (p.name.ends_with(names::kLoraEmbeddingA))   // kept as (vocab, r)
            for (int64_t r = 0; r < p.rows; ++r)
                for (int64_t c = 0; c < p.cols; ++c)
                    to[static_cast<size_t>(c * p.rows + r)] = x[static_cast<size_t>(r * p.cols + c)];
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
    golden.name = name;
    golden.folder = golden_root() / name;
    golden.case_json = parse_json_file(golden.folder / "case.json", JsonLimits{});
    golden.expected = parse_json_file(golden.folder / "expected.json", JsonLimits{});
    for (const Json& one : parse_json_file(golden.folder / "batch.json", JsonLimits{}))
        if (one.contains("input_ids"))
            golden.examples.push_back(
                {one.at("input_ids").get<std::vector<int32_t>>(), one.at("labels").get<std::vector<int32_t>>()});
    return golden;
}

std::vector<std::string> golden_names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(golden_root()))
        if (std::filesystem::exists(entry.path() / "case.json")) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
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

std::unique_ptr<Session> open_session(const std::filesystem::path& path, Tuning& tuning,
                                      const SessionOptions& options) {
    const auto model = open_model(path.string());
    const ModelConfig config = read_model_config(*model);
    const SessionShape shape = {
        .dtype = options.dtype,
        .tokens = options.tokens,
        .recompute = std::vector<Recompute>(static_cast<size_t>(config.num_hidden_layers), options.recompute),
        .use = options.use,
        .adamw = options.adamw,
        .seed = options.seed,
        .objective = options.objective,
        .quantization = options.quantization ? options.quantization : config.quantization};
    // Twice the plan: tests also ask for logits of every row, which no step holds.
    const int64_t logits = 2 * options.tokens * config.vocab_size * 4;
    auto session = std::make_unique<Session>(
        make_cpu_device({.gemm = options.gemm}),
        2 * plan_session(config, shape, options.tokens, tuning).peak_bytes + logits, config, shape, tuning);
    Run run = session->run();
    load_weights(session->model(), *model->weights(), run);
    tuning.initialise(session->model(), run);
    tuning.before_step(0, run);
    return session;
}

Tensors gradients(Session& session) {
    return read_parameters(session, &Parameter::grad);
}
Tensors values(Session& session) {
    return read_parameters(session, &Parameter::value);
}

std::vector<float> logits_of(Session& session, const GoldenExample& document) {
    Run run = session.run();
    const auto rows = static_cast<int64_t>(document.ids.size());
    return session.model().logits(session.slots().upload(flat_batch({&document, 1}, 0), run), rows, run);
}

double relative_error(std::span<const float> got, const SafeTensor& want) {
    if (want.dtype != "F32" || got.size() * sizeof(float) != want.bytes.size()) return kInfinity;
    const auto* w = reinterpret_cast<const float*>(want.bytes.data());
    double difference = 0, norm = 0;
    for (size_t i = 0; i < got.size(); ++i) {
        const double a = got[i], b = w[i];
        difference += (a - b) * (a - b), norm += b * b;
    }
    if (difference == 0) return 0;
    return std::sqrt(difference / norm);
}

Worst worst_error(const Tensors& got, const Safetensors& want) {
    Worst worst;
    for (const SafeTensor& tensor : want.tensors()) {
        if (tensor.dtype != "F32") continue;   // masks, beside the gradients they belong to
        const auto found = got.find(tensor.name);
        const double error = found == got.end() ? kInfinity : relative_error(found->second, tensor);
        if (!(error <= worst.error)) worst = {error, tensor.name};
        if (std::isnan(error)) return worst;
    }
    for (const auto& tensor : got)
        if (want.find(tensor.first) == nullptr) worst = {kInfinity, tensor.first};
    return worst;
}

}   // namespace llmft::test
