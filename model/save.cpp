#include "model/save.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>

#include "engine/io/file.h"
#include "engine/io/model_write.h"
#include "engine/ops/upload.h"
#include "model/names.h"

namespace llmft {
namespace {

// A tensor in the file's dtype, as dense bytes in `buffer`.
Bytes dense(const Tensor& from, DType dtype, std::vector<std::byte>& buffer, Run& run) {
    buffer.resize(static_cast<size_t>(from.count() * size_bytes(dtype)));
    ops::download_converted(buffer.data(), dtype, from, run);
    return buffer;
}

DType plain_dtype(const StoredTensor& tensor) {
    for (const DType dtype : {DType::kBf16, DType::kF16})
        if (tensor.type == safetensors_name(dtype)) return dtype;
    return DType::kF32;
}

int64_t elements(const StoredTensor& tensor) {
    return std::accumulate(tensor.shape.begin(), tensor.shape.end(), int64_t{1}, std::multiplies<>());
}

// The whole tensor in `dtype`, read a few rows at a time.
Bytes plain_tensor(const ModelWeights& weights, const StoredTensor& tensor, DType dtype,
                   std::vector<std::byte>& buffer) {
    constexpr int64_t kPieceElements = int64_t{1} << 22;
    const int64_t cols = tensor.cols(), rows = elements(tensor) / std::max<int64_t>(1, cols);
    buffer.resize(static_cast<size_t>(rows * cols * size_bytes(dtype)));
    std::vector<std::byte> scratch;
    const int64_t step = std::max<int64_t>(1, kPieceElements / std::max<int64_t>(1, cols));
    for (int64_t first = 0; first < rows; first += step) {
        const int64_t count = std::min(step, rows - first);
        const StoredRows from = weights.rows(tensor, first, count, scratch);
        const std::vector<float> values = ops::converted_to_f32(from.bytes.data(), from.dtype, count * cols);
        std::byte* const to = buffer.data() + first * cols * size_bytes(dtype);
        ops::convert(to, dtype, values.data(), DType::kF32, count * cols);
        const Bytes written(to, static_cast<size_t>(count * cols * size_bytes(dtype)));
        if (const int64_t at = first_nonfinite(written, safetensors_name(dtype)); at >= 0)
            throw NumericalError(fmt::format("{}: element {} is {}, which is no number in {}; use --dtype bf16 or f32",
                                             tensor.name, first * cols + at, values[static_cast<size_t>(at)],
                                             name(dtype)));
    }
    return buffer;
}

Json plain_config(const ModelSource& base, DType dtype) {
    Json config = base.json("config.json", JsonLimits{});
    config.erase("dtype");
    config.erase("quantization_config");
    config["torch_dtype"] = torch_name(dtype);
    return config;
}

}   // namespace

void save_model(const Decoder& model, const SaveFolders& folders, Run& run) {
    const DType dtype = model.dtype();
    std::vector<std::byte> buffer;
    std::vector<TensorToWrite> tensors;
    for (const WeightTarget& source : model.weight_targets()) {
        const bool vector = source.to.rows == 1;
        tensors.push_back(
            {.name = source.name,
             .dtype = dtype,
             .shape =
                 vector ? std::vector<int64_t>{source.to.cols} : std::vector<int64_t>{source.to.rows, source.to.cols},
             .bytes = [from = source.to, dtype, &buffer, &run] { return dense(from, dtype, buffer, run); }});
    }
    write_model_weights(folders.output, std::move(tensors));
    write_file(folders.output / "config.json", hf_json(plain_config(folders.base, dtype)));
}

PlainResult write_plain_model(const ModelSource& model, const PlainFolder& folder) {
    const auto weights = model.weights();
    std::vector<std::byte> buffer;
    std::vector<TensorToWrite> tensors;
    std::map<DType, int64_t> numbers;
    PlainResult result;
    for (const StoredTensor& tensor : weights->tensors()) {
        const DType dtype = folder.dtype.value_or(plain_dtype(tensor));
        numbers[dtype] += elements(tensor);
        result.bytes += elements(tensor) * size_bytes(dtype);
        tensors.push_back({.name = tensor.name, .dtype = dtype, .shape = tensor.shape, .bytes = [&, dtype] {
                               if (folder.on_tensor) folder.on_tensor();
                               return plain_tensor(*weights, tensor, dtype, buffer);
                           }});
    }
    result.tensors = static_cast<int64_t>(tensors.size());
    for (const auto& [dtype, count] : numbers)
        if (count > numbers[result.dtype]) result.dtype = dtype;
    write_model_weights(folder.output, std::move(tensors));
    weights->expect_intact();
    write_file(folder.output / "config.json", hf_json(plain_config(model, result.dtype)));
    return result;
}

void expect_plain_model(const ModelSource& model, const PlainFolder& folder, const ModelSource& written) {
    const auto weights = model.weights(), read = written.weights();
    std::vector<std::byte> buffer, scratch;
    const auto refuse = [&](const std::string& name, const char* what) {
        throw NumericalError(fmt::format("{}: {}: {}; the disk may be failing", folder.output.string(), name, what));
    };
    for (const StoredTensor& tensor : weights->tensors()) {
        if (folder.on_tensor) folder.on_tensor();
        const DType dtype = folder.dtype.value_or(plain_dtype(tensor));
        const Bytes wanted = plain_tensor(*weights, tensor, dtype, buffer);
        const StoredTensor* found = read->find(tensor.name);
        if (found == nullptr || found->shape != tensor.shape) refuse(tensor.name, "is not as it was written");
        const int64_t rows = elements(tensor) / std::max<int64_t>(1, tensor.cols());
        const StoredRows got = read->rows(*found, 0, rows, scratch);
        if (got.dtype != dtype || !std::equal(got.bytes.begin(), got.bytes.end(), wanted.begin(), wanted.end()))
            refuse(tensor.name, "reads back otherwise than it was written");
    }
    if (read->tensors().size() != weights->tensors().size()) refuse("weights", "more tensors than were written");
}

}   // namespace llmft
