#include "model/quantize.h"

#include <algorithm>
#include <numeric>

#include "engine/io/model_write.h"
#include "engine/io/quant4_writer.h"
#include "engine/io/quote.h"
#include "kernels/base/error.h"
#include "model/load.h"

namespace llmft {
namespace {

int64_t bytes_of(const TensorToWrite& t) {
    return std::accumulate(t.shape.begin(), t.shape.end(), size_bytes(t.dtype), std::multiplies<>());
}

// A tensor that stays as it is, rounded to a dtype.
TensorToWrite plain(const std::string& name, const StoredTensor& tensor, const Quant4Source& rows) {
    return {.name = name, .dtype = rows.encoded, .shape = tensor.shape, .bytes = [rows] {
                const auto size = static_cast<size_t>(rows.rows * rows.cols * size_bytes(rows.encoded));
                return Bytes(static_cast<const std::byte*>(rows.read(0, rows.rows)), size);
            }};
}

}   // namespace

QuantizeResult quantize_model(const QuantizeRequest& request) {
    const ModelConfig& config = request.figure.config();
    const Quantization& quantization = *request.figure.quantization();
    const auto weights = request.base.weights();
    expect_weights(request.figure, *weights);
    Quant4Writer writer;
    RowScratch scratch;
    QuantizeResult result;
    std::vector<TensorToWrite> tensors;
    // Before a tensor is read, the one before it goes: the file would be in memory else.
    const StoredTensor* last = nullptr;
    const auto reads = [&](TensorToWrite tensor, const StoredTensor& stored) {
        result.bytes += bytes_of(tensor);
        tensor.bytes = [&, bytes = tensor.bytes] {
            if (last != nullptr && last != &stored) weights->release(*last);
            last = &stored;
            return bytes();
        };
        tensors.push_back(std::move(tensor));
    };
    for (const WeightTarget& target : request.figure.weight_targets()) {
        const StoredTensor& tensor = stored_tensor(*weights, target.name, config);
        if (tensor.storage == Storage::kQuant4)
            throw UserError("SCHEMA", tensor.file, "tensor " + in_quotes(tensor.name), "is in four bits already",
                            "give the unquantised model");
        const DType dtype = request.dtype.value_or(plain_dtype(tensor, config));
        Quant4Source rows = quant4_source(tensor, *weights, quantization, dtype, scratch);
        const int64_t elements = rows.rows * rows.cols;
        result.parameters += elements;
        result.plain_bytes += elements * size_bytes(dtype);
        if (!target.packed) {
            reads(plain(target.name, tensor, rows), tensor);
            continue;
        }
        if (result.linears == 0) result.dtype = dtype;
        result.linears += 1;
        result.linear_parameters += elements;
        for (const TensorToWrite& part : writer.tensors(target.name, rows)) {
            result.linear_bytes += bytes_of(part);
            reads(part, tensor);
        }
        weights->release(tensor);
    }
    int64_t done = 0;
    for (TensorToWrite& tensor : tensors)
        tensor.bytes = [&, bytes = tensor.bytes, size = bytes_of(tensor)] {
            request.on_bytes(done, result.bytes);
            done += size;
            return bytes();
        };
    // transformers 5 cuts a quantised model into shards by name.
    std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    write_model_weights(request.output, std::move(tensors), request.shard_bytes, result.parameters);
    weights->expect_intact();
    Json json = request.base.json("config.json", JsonLimits{});
    json["quantization_config"] = quantization.config(result.dtype);
    if (request.dtype) json[json.contains("dtype") ? "dtype" : "torch_dtype"] = torch_name(*request.dtype);
    write_file(request.output / "config.json", hf_json(json));
    return result;
}

}   // namespace llmft
