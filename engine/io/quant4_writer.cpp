#include "engine/io/quant4_writer.h"

#include <cstring>

#include "kernels/quant4/nested.h"

namespace llmft {

using Keep = Quant4Buffers::Keep;

const Quant4Data& Quant4Writer::encoded(const Weight& weight, Keep keep) {
    const bool enough = last_ == &weight && (kept_ == Keep::kAll || keep == Keep::kScales);
    if (!enough) {
        buffers_.reset();   // never two
        buffers_.emplace(weight.source, keep);
        data_ = buffers_->data();
        last_ = &weight;
        kept_ = keep;
    }
    return data_;
}

std::vector<TensorToWrite> Quant4Writer::tensors(const std::string& name, const Quant4Source& source) {
    Weight& weight = weights_.emplace_back(Weight{.source = source, .state = "", .nested_scales = {}});
    const bool nested = source.double_quant == DoubleQuant::kYes;
    Quant4Data shape;
    shape.kind = source.kind;
    shape.encoded = source.encoded;
    shape.rows = source.rows;
    shape.cols = source.cols;
    if (nested) {
        shape = encoded(weight, Keep::kScales);
        weight.nested_scales.resize(shape.nested_scales.size() / sizeof(float));
        std::memcpy(weight.nested_scales.data(), shape.nested_scales.data(), shape.nested_scales.size());
    }
    weight.state = quant4_state(shape);
    const Quant4Names names = quant4_names(name, source.kind);
    const auto tensor = [](const std::string& part, DType dtype, std::vector<int64_t> extents,
                           std::function<Bytes()> bytes) {
        return TensorToWrite{.name = part, .dtype = dtype, .shape = std::move(extents), .bytes = std::move(bytes)};
    };
    const auto count = [](const auto& values) { return static_cast<int64_t>(values.size()); };
    std::vector<TensorToWrite> tensors;
    tensors.push_back(tensor(name, DType::kU8, {quant4_code_bytes(source.rows * source.cols), 1},
                             [&weight, this] { return encoded(weight, Keep::kAll).codes; }));
    tensors.push_back(
        tensor(names.absmax, nested ? DType::kU8 : DType::kF32, {shape.blocks()},
               [&weight, nested, this] { return encoded(weight, nested ? Keep::kAll : Keep::kScales).scales; }));
    tensors.push_back(tensor(names.quant_map, DType::kF32, {kQuant4Codes},
                             [&weight] { return std::as_bytes(std::span(code_of(weight.source.kind).value)); }));
    if (nested) {
        tensors.push_back(tensor(names.nested_absmax, DType::kF32, {count(weight.nested_scales)},
                                 [&weight] { return std::as_bytes(std::span(weight.nested_scales)); }));
        tensors.push_back(tensor(names.nested_quant_map, DType::kF32, {kNestedCodes},
                                 [] { return std::as_bytes(std::span(dynamic_map())); }));
    }
    tensors.push_back(tensor(names.state, DType::kU8, {count(weight.state)},
                             [&weight] { return std::as_bytes(std::span(weight.state)); }));
    return tensors;
}

}   // namespace llmft
