#include "model/load.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "engine/io/quote.h"
#include "engine/ops/upload.h"
#include "model/names.h"

namespace llmft {
namespace {

constexpr int64_t kPieceElements = int64_t{1} << 22;   // decoded at a time: bounds the host's scratch

// Weights that would be left out mean that config and weights belong to different models. Old folders hold the rotary
// tables, which follow from the config, and tied ones the head beside the embedding.
void expect_all_known(const std::vector<WeightTarget>& targets, const ModelWeights& weights,
                      const ModelConfig& config) {
    std::set<std::string_view> known;
    for (const WeightTarget& target : targets) known.insert(target.name);
    const std::string head = names::weight(names::head());
    if (config.tie_word_embeddings) known.insert(head);
    for (const StoredTensor& tensor : weights.tensors()) {
        if (known.contains(tensor.name) || tensor.name.ends_with(".rotary_emb.inv_freq")) continue;
        throw UserError("EXTRA", tensor.file, tensor.name, "no part of the model that config.json describes",
                        "give weights and config of the same model");
    }
}

// Which tensor of which file, for errors.
struct Origin {
    const std::string& file;
    const std::string& name;
};

void expect_shape(const std::vector<int64_t>& shape, int64_t rows, int64_t cols, const Origin& origin) {
    const bool vector = rows == 1 && shape == std::vector<int64_t>{cols};
    if (!vector && shape != std::vector<int64_t>{rows, cols})
        throw UserError("SHAPE", origin.file, origin.name,
                        fmt::format("shape {}, the config says ({}, {})", shape, rows, cols),
                        "give weights and config of the same model");
}

void expect_float(std::string_view type, const Origin& origin) {
    for (const DType dtype : {DType::kF32, DType::kBf16, DType::kF16})
        if (type == safetensors_name(dtype)) return;
    throw UserError("DTYPE", origin.file, origin.name, fmt::format("{} weights are not supported", type),
                    "give f32, bf16 or f16");
}

// first: the element's place in the tensor.
void expect_loadable(const StoredRows& rows, int64_t first, const Origin& origin) {
    expect_float(safetensors_name(rows.dtype), origin);
    const int64_t at = first_nonfinite(rows.bytes, safetensors_name(rows.dtype));
    if (at >= 0)
        throw UserError("VALUE", origin.file, "tensor " + in_quotes(origin.name),
                        fmt::format("element {} is NaN or infinite", first + at),
                        "fetch the file again or use another model");
}

void load_rows(const StoredRows& rows, int64_t first, const Tensor& to, const Origin& origin, Run& run) {
    expect_loadable(rows, first * to.cols, origin);
    ops::upload_converted(to, rows.bytes.data(), rows.dtype, run);
}

}   // namespace

void load_tensor(const SafeTensor& tensor, const std::string& file, const Tensor& to, Run& run) {
    const Origin origin = {file, tensor.name};
    expect_shape(tensor.shape, to.rows, to.cols, origin);
    load_rows({tensor.bytes, dtype_of(tensor, file)}, 0, to, origin, run);
}

std::vector<float> load_matrix(const SafeTensor& tensor, const std::string& file, int64_t rows, int64_t cols) {
    const Origin origin = {file, tensor.name};
    expect_shape(tensor.shape, rows, cols, origin);
    const DType dtype = dtype_of(tensor, file);
    expect_loadable({tensor.bytes, dtype}, 0, origin);
    return ops::converted_to_f32(tensor.bytes.data(), dtype, rows * cols);
}

void load_tensor(const StoredTensor& tensor, const ModelWeights& weights, const Tensor& to, Run& run) {
    const Origin origin = {tensor.file, tensor.name};
    expect_shape(tensor.shape, to.rows, to.cols, origin);
    const int64_t step = std::max<int64_t>(1, kPieceElements / std::max<int64_t>(1, to.cols));
    std::vector<std::byte> scratch;
    for (int64_t first = 0; first < to.rows; first += step) {
        const int64_t count = std::min(step, to.rows - first);
        load_rows(weights.rows(tensor, first, count, scratch), first, to.row_slice(first, count), origin, run);
    }
}

void expect_weights(const Decoder& model, const ModelWeights& weights) {
    expect_all_known(model.weight_targets(), weights, model.config());
    for (const WeightTarget& target : model.weight_targets()) {
        const StoredTensor& tensor = stored_tensor(weights, target.name, model.config());
        if (tensor.storage == Storage::kPlain) expect_float(tensor.type, {tensor.file, tensor.name});
        expect_shape(tensor.shape, target.to.rows, target.to.cols, {tensor.file, tensor.name});
    }
}

// Where a tied head and its embedding are trained apart, both start as what lies there.
const StoredTensor& stored_tensor(const ModelWeights& weights, const std::string& name, const ModelConfig& config) {
    const std::string embedding = names::weight(names::embedding()), head = names::weight(names::head());
    if (config.tie_word_embeddings && (name == embedding || name == head))
        return weights.at(weights.find(embedding) ? embedding : head);
    return weights.at(name);
}

DType plain_dtype(const StoredTensor& tensor, const ModelConfig& config) {
    if (tensor.storage == Storage::kPlain)
        for (const DType dtype : {DType::kF32, DType::kBf16, DType::kF16})
            if (tensor.type == safetensors_name(dtype)) return dtype;
    return config.dtype.value_or(DType::kBf16);
}

Quant4Source quant4_source(const StoredTensor& tensor, const ModelWeights& weights, const Quantization& quantization,
                           DType encoded, RowScratch& scratch) {
    const auto read = [&, encoded](int64_t first, int64_t count) -> const void* {
        const Origin origin = {tensor.file, tensor.name};
        const int64_t cols = tensor.cols();
        const StoredRows rows = weights.rows(tensor, first, count, scratch.stored);
        expect_loadable(rows, first * cols, origin);
        if (rows.dtype == encoded) return rows.bytes.data();
        scratch.converted.resize(static_cast<size_t>(count * cols * size_bytes(encoded)));
        ops::convert(scratch.converted.data(), encoded, rows.bytes.data(), rows.dtype, count * cols);
        expect_loadable({scratch.converted, encoded}, first * cols, origin);   // f16 ends at 65504
        return scratch.converted.data();
    };
    return {.kind = quantization.kind(),
            .double_quant = quantization.double_quant(),
            .encoded = encoded,
            .rows = tensor.rows(),
            .cols = tensor.cols(),
            .read = read};
}

namespace {

void load_packed(const StoredTensor& tensor, const ModelWeights& weights, Quant4Tensor& to, const Decoder& model,
                 Run& run) {
    expect_shape(tensor.shape, to.rows, to.cols, {tensor.file, tensor.name});
    const auto refuse = [&](const char* kind, const std::string& what) {
        throw UserError(kind, tensor.file, "tensor " + in_quotes(tensor.name), what,
                        "fetch the model again, or quantise the original");
    };
    if (tensor.storage == Storage::kQuant4) {
        const Quant4Data stored = weights.quant4(tensor);
        if (stored.double_quant() != to.double_quant())
            refuse("SCHEMA", fmt::format("its scales are {}quantised, but config.json says otherwise",
                                         stored.double_quant() == DoubleQuant::kYes ? "" : "not "));
        if (stored.block < Quant4Data::kBlock)
            refuse("RANGE",
                   fmt::format("is in blocks of {}, at least {} are computed with", stored.block, Quant4Data::kBlock));
        return upload(to, stored, run);
    }
    const auto& described = model.config().quantization;
    if (described) refuse("SCHEMA", fmt::format("is {}, but config.json says that it is in four bits", tensor.type));
    RowScratch scratch;
    const DType dtype = plain_dtype(tensor, model.config());
    const Quant4Buffers encoded(quant4_source(tensor, weights, *model.quantization(), dtype, scratch));
    upload(to, encoded.data(), run);
}

}   // namespace

void load_weights(Decoder& model, const ModelWeights& weights, Run& run) {
    expect_all_known(model.weight_targets(), weights, model.config());
    for (const WeightTarget& target : model.weight_targets()) {
        const StoredTensor& tensor = stored_tensor(weights, target.name, model.config());
        if (target.packed)
            load_packed(tensor, weights, model.packed(*target.packed), model, run);
        else
            load_tensor(tensor, weights, target.to, run);
        weights.release(tensor);   // else the file would be in memory beside the model
    }
    weights.expect_intact();
}

}   // namespace llmft
