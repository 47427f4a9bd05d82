#include "model/adapter/peft.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/io/file.h"
#include "engine/io/safetensors.h"
#include "engine/ops/upload.h"
#include "model/load.h"
#include "model/names.h"

namespace llmft {
namespace {

constexpr const char* kWeights = "adapter_model.safetensors";
constexpr const char* kConfig = "adapter_config.json";
constexpr const char* kOtherBase = "give the base model that the adapter was trained on";

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

void read_transposed(const SafeTensor& tensor, const std::string& file, const Parameter& p, Run& run) {
    const std::vector<float> host = transposed(load_matrix(tensor, file, p.cols, p.rows), p.cols, p.rows);
    run.device.upload(p.value, host.data(), run.stream);
    run.device.synchronize(run.stream);
}

}   // namespace

Safetensors open_peft_weights(const std::filesystem::path& folder) {
    const std::filesystem::path path = folder / kWeights;
    if (!std::filesystem::exists(path) && std::filesystem::exists(folder / "adapter_model.bin"))
        throw UserError("UNSAFE", (folder / "adapter_model.bin").string(), "", "a pickle is not read",
                        "save it with safe_serialization=True");
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

void read_peft_weights(const std::filesystem::path& folder, const std::vector<Parameter>& parameters, Run& run) {
    const Safetensors file = open_peft_weights(folder);
    const std::string& path = file.file();
    const std::vector<std::string> keys = peft_keys(parameters);
    const std::set<std::string_view> wanted(keys.begin(), keys.end());
    for (const SafeTensor& tensor : file.tensors())
        if (!wanted.contains(tensor.name) && !tensor.name.ends_with(".base_layer.weight"))
            throw UserError(
                "SHAPE", path, tensor.name,
                fmt::format("no part of the {} tensors that adapter_config.json makes on this model", keys.size()),
                kOtherBase);
    for (size_t i = 0; i < keys.size(); ++i) {
        const SafeTensor* tensor = file.find(keys[i]);
        if (!tensor) throw UserError("MISSING", path, keys[i], "no such tensor", kOtherBase);
        if (is_transposed(parameters[i]))
            read_transposed(*tensor, path, parameters[i], run);
        else
            load_tensor(*tensor, path, parameters[i].value, run);
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
