#include "model/adapter/peft.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/io/file.h"
#include "engine/io/manifest.h"
#include "engine/ops/upload.h"
#include "model/load.h"
#include "model/names.h"

namespace llmft {
namespace {

constexpr const char* kWeights = "adapter_model.safetensors";
constexpr const char* kConfig = "adapter_config.json";
constexpr const char* kOtherBase = "give the base model that the adapter was trained on";

void expect_as_written(const std::filesystem::path& folder) {
    if (!std::filesystem::exists(folder / kManifestName)) return;
    Manifest manifest = read_manifest(folder);
    std::erase_if(manifest.files, [](const auto& file) { return file.first != kWeights && file.first != kConfig; });
    expect_files(folder, manifest, ManifestCheck::kContents);
}

bool is_transposed(const Parameter& p) {
    return p.name.ends_with(names::kLoraEmbeddingA);
}

// As the file has it.
std::vector<int64_t> file_shape(const Parameter& p) {
    if (is_transposed(p)) return {p.cols, p.rows};
    const bool factor = p.name.ends_with(names::kLoraA) || p.name.ends_with(names::kLoraB);
    return p.rows == 1 && !factor ? std::vector<int64_t>{p.cols} : std::vector<int64_t>{p.rows, p.cols};
}

std::vector<float> transposed(const std::vector<float>& x, int64_t rows, int64_t cols) {
    std::vector<float> y(x.size());
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c) y[static_cast<size_t>(c * rows + r)] = x[static_cast<size_t>(r * cols + c)];
    return y;
}

}   // namespace

Safetensors open_peft_weights(const std::filesystem::path& folder) {
    const std::filesystem::path path = folder / kWeights;
    if (!std::filesystem::exists(path) && std::filesystem::exists(folder / "adapter_model.bin"))
        throw UserError("UNSAFE", (folder / "adapter_model.bin").string(), "", "a pickle is not read",
                        "save it with safe_serialization=True");
    expect_as_written(folder);
    return Safetensors::open(path);
}

std::vector<std::string> peft_keys(const std::vector<Parameter>& parameters) {
    std::set<std::string> adapted;
    for (const Parameter& p : parameters)
        if (p.name.ends_with(names::kLoraA))
            adapted.insert(p.name.substr(0, p.name.size() - std::string_view(names::kLoraA).size()));
    std::vector<std::string> keys;
    for (const Parameter& p : parameters) {
        const std::string module = p.name.substr(0, p.name.rfind('.'));
        const bool wrapped = p.name.ends_with(".bias") && adapted.contains(module);
        keys.push_back(kPeftPrefix + (wrapped ? module + ".base_layer.bias" : p.name));
    }
    return keys;
}

int64_t added_parameter_count(const std::vector<Parameter>& parameters) {
    std::set<std::string_view> whole;
    for (const Parameter& p : parameters) whole.insert(p.name);
    int64_t count = 0;
    for (const Parameter& p : parameters) {
        const bool bias = p.name.ends_with(".bias") && !p.name.ends_with(names::kLoraBias);
        if (!bias || whole.contains(names::weight(p.name.substr(0, p.name.rfind('.'))))) count += p.rows * p.cols;
    }
    return count;
}

std::vector<float> load_peft_tensor(const Safetensors& file, const Parameter& p) {
    const std::string key = kPeftPrefix + p.name;
    const SafeTensor* tensor = file.find(key);
    if (!tensor) throw UserError("MISSING", file.file(), key, "no such tensor", kOtherBase);
    if (!is_transposed(p)) return load_matrix(*tensor, file.file(), p.rows, p.cols);
    return transposed(load_matrix(*tensor, file.file(), p.cols, p.rows), p.cols, p.rows);
}

void expect_no_other_tensors(const Safetensors& file, const std::vector<Parameter>& parameters) {
    const std::vector<std::string> keys = peft_keys(parameters);
    const std::set<std::string_view> wanted(keys.begin(), keys.end());
    for (const SafeTensor& tensor : file.tensors())
        if (!wanted.contains(tensor.name) && !tensor.name.ends_with(".base_layer.weight"))
            throw UserError(
                "SHAPE", file.file(), tensor.name,
                fmt::format("no part of the {} tensors that adapter_config.json makes on this model", keys.size()),
                kOtherBase);
}

void read_peft_weights(const std::filesystem::path& folder, const std::vector<Parameter>& parameters, Run& run) {
    const Safetensors file = open_peft_weights(folder);
    expect_no_other_tensors(file, parameters);
    const std::vector<std::string> keys = peft_keys(parameters);
    for (size_t i = 0; i < keys.size(); ++i) {
        const SafeTensor* tensor = file.find(keys[i]);
        if (!tensor) throw UserError("MISSING", file.file(), keys[i], "no such tensor", kOtherBase);
        if (!is_transposed(parameters[i])) {
            load_tensor(*tensor, file.file(), parameters[i].value, run);
            continue;
        }
        const std::vector<float> host = load_peft_tensor(file, parameters[i]);
        run.device.upload(parameters[i].value, host.data(), run.stream);
        run.device.synchronize(run.stream);
    }
    file.expect_intact();
}

void write_peft(const std::filesystem::path& folder, const Json& config, const std::vector<Parameter>& parameters,
                Run& run) {
    const std::vector<std::string> keys = peft_keys(parameters);
    std::vector<float> buffer;
    std::vector<TensorToWrite> tensors;
    for (size_t i = 0; i < keys.size(); ++i)
        tensors.push_back({.name = keys[i],
                           .dtype = DType::kF32,
                           .shape = file_shape(parameters[i]),
                           .bytes = [&p = parameters[i], &run, &buffer] {
                               buffer.resize(static_cast<size_t>(p.rows * p.cols));
                               run.device.download(buffer.data(), p.value, run.stream);
                               if (is_transposed(p)) buffer = transposed(buffer, p.rows, p.cols);
                               return std::as_bytes(std::span(buffer));
                           }});
    write_safetensors(folder / kWeights, tensors);
    write_file(folder / kConfig, hf_json(config));
}

}   // namespace llmft
