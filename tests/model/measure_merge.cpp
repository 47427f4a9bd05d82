// Merged models and combined adapters against PEFT's.
#include <cmath>
#include <set>

#include "engine/ops/upload.h"
#include "model/adapter/combine.h"
#include "model/adapter/merged_model.h"
#include "model/save.h"
#include "tests/harness/temp_folder.h"
#include "tests/model/measure.h"

namespace llmft::test {
namespace {

// Both sides sum products of a few ranks in f32; merging rounds W + ΔW once more.
constexpr double kTensors = 1e-6;
constexpr double kLogits = 5e-6;   // as measure.cpp's

void keep_larger(double& worst, double error) {
    if (!(error <= worst)) worst = std::isnan(worst) ? worst : error;
}

std::vector<float> floats(const SafeTensor& tensor) {
    const DType dtype = dtype_of(tensor, "golden");
    return ops::converted_to_f32(tensor.bytes.data(), dtype,
                                 static_cast<int64_t>(tensor.bytes.size()) / size_bytes(dtype));
}

std::vector<float> rows_of(const ModelWeights& weights, const StoredTensor& tensor) {
    int64_t count = 1, rows = 1;
    for (const int64_t x : tensor.shape) count *= x;
    if (tensor.shape.size() > 1) rows = tensor.shape[0];
    std::vector<std::byte> scratch;
    const StoredRows stored = weights.rows(tensor, 0, rows, scratch);
    return ops::converted_to_f32(stored.bytes.data(), stored.dtype, count);
}

double logits_error(const Golden& golden, const std::filesystem::path& folder, Tuning& tuning, GemmEngine gemm) {
    const auto session = open_session(folder, tuning, {.gemm = gemm});
    const Safetensors want = golden.tensors();
    double worst = 0;
    for (size_t i = 0; i < golden.examples.size(); ++i) {
        const SafeTensor* tensor = want.find("logits." + std::to_string(i));
        keep_larger(worst, tensor ? relative_error(logits_of(*session, golden.examples[i]), *tensor) : INFINITY);
    }
    return worst;
}

// Names of tensors whose values are not the base's.
std::set<std::string> changed_names(const ModelWeights& base, const ModelWeights& merged) {
    std::set<std::string> names;
    for (const StoredTensor& tensor : merged.tensors()) {
        const StoredTensor* before = base.find(tensor.name);
        if (before == nullptr || rows_of(base, *before) != rows_of(merged, tensor)) names.insert(tensor.name);
    }
    return names;
}

// How many values are further from the golden's than one step of bf16.
double beyond_one_step(const std::vector<float>& got, const std::vector<float>& want) {
    double count = 0;
    for (size_t i = 0; i < want.size(); ++i) {
        const float step = std::ldexp(1.0f, std::ilogb(want[i]) - 7);   // 7 bits of fraction
        count += !(std::abs(got[i] - want[i]) <= step);
    }
    return count;
}

}   // namespace

std::vector<Measured> measure_merge(const Golden& golden, const std::filesystem::path& folder, GemmEngine gemm) {
    const TempFolder output;
    const FolderModel base(folder);
    const bool bf16 = golden.case_json.at("dtype") == "bfloat16";
    const auto device = make_cpu_device({.gemm = gemm});
    const AdapterFile adapter = AdapterFile::open(golden.adapter_folder());
    const MergedModel merged(base, adapter, *device);
    write_plain_model(merged, {.dtype = bf16 ? DType::kBf16 : DType::kF32, .output = output.path()});
    const auto before = base.weights(), after = FolderModel(output.path()).weights();
    double tensors = 0, steps = 0;
    bool logits = false;
    const Safetensors expected = golden.tensors();
    for (const SafeTensor& want : expected.tensors()) {
        logits = logits || want.name.starts_with("logits.");
        if (want.name.starts_with("logits.")) continue;
        const StoredTensor* got = after->find(want.name);
        if (got == nullptr)
            tensors = INFINITY;
        else if (bf16)
            steps += beyond_one_step(rows_of(*after, *got), floats(want));
        else
            keep_larger(tensors, relative_error(rows_of(*after, *got), want));
    }
    const bool untied = golden.case_json.at("untied").get<bool>();
    const auto changed = golden.expected.at("changed").get<std::set<std::string>>();
    std::vector<Measured> measured = {{"tensors", tensors, kTensors},
                                      {"values beyond a step of bf16", steps, 0},
                                      {"untied", merged.untied() == untied ? 0.0 : 1.0, 0},
                                      {"changed", changed_names(*before, *after) == changed ? 0.0 : 1.0, 0}};
    if (!logits) return measured;
    Lora none({.r = 1, .alpha = 1, .dropout = 0, .target_modules = "q_proj"}, 0);   // B is zero
    measured.push_back({"logits", logits_error(golden, output.path(), none, gemm), kLogits});
    return measured;
}

std::vector<Measured> measure_combination(const Golden& golden, const std::filesystem::path& folder, GemmEngine gemm) {
    const TempFolder output;
    std::vector<AdapterFile> files;
    for (const Json& name : golden.case_json.at("adapters"))
        files.push_back(AdapterFile::open(golden.folder.parent_path() / name.get<std::string>()));
    std::vector<WeightedAdapter> weighted;
    for (size_t i = 0; i < files.size(); ++i)
        weighted.push_back({files[i], golden.case_json.at("weights").at(i).get<double>()});
    const bool cat = golden.case_json.at("combination") == "cat";
    combine_adapters(weighted, cat ? Combination::kCat : Combination::kLinear, "base", output.path());

    const AdapterFile got = AdapterFile::open(output.path()), want = AdapterFile::open(golden.adapter_folder());
    const Safetensors got_file = Safetensors::open(got.file()), want_file = Safetensors::open(want.file());
    Tensors tensors;
    for (const SafeTensor& tensor : got_file.tensors()) tensors[tensor.name] = floats(tensor);
    const bool same_config = got.config().r == want.config().r && got.config().alpha == want.config().alpha &&
                             got.config().use_rslora == want.config().use_rslora &&
                             got.modules().size() == want.modules().size();
    Lora lora = Lora::from_folder(output.path(), 0);
    const Worst worst = worst_error(tensors, want_file);
    return {{"config", same_config ? 0.0 : 1.0, 0},
            {"tensors", worst.error, kTensors, worst.tensor},
            {"logits", logits_error(golden, folder, lora, gemm), kLogits}};
}

}   // namespace llmft::test
