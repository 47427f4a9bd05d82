#include "engine/quant/quant4_tensor.h"

#include <fmt/format.h>

#include <cstring>

#include "kernels/quant4/quant4.h"

namespace llmft {

Quant4Tensor quant4_slots(std::string_view name, int64_t rows, int64_t cols, DoubleQuant double_quant, Arena& arena) {
    constexpr const char* kScales = "weights.scales";
    Quant4Tensor w;
    w.rows = rows;
    w.cols = cols;
    w.codes = arena.persistent(name, DType::kU8, 1, quant4_code_bytes(rows * cols));
    if (double_quant == DoubleQuant::kNo) {
        w.scales = arena.persistent(kScales, DType::kF32, 1, w.blocks());
        w.tables = arena.persistent(kScales, DType::kF32, 1, kQuant4Codes);
        return w;
    }
    w.scales = arena.persistent(kScales, DType::kU8, 1, w.blocks());
    w.nested_scales = arena.persistent(kScales, DType::kF32, 1, quant4_nested_blocks(w.blocks()));
    w.tables = arena.persistent(kScales, DType::kF32, 1, kQuant4Codes + kNestedCodes + 1);
    return w;
}

void upload(Quant4Tensor& to, const Quant4Data& from, Run& run) {
    const bool fits = to.rows == from.rows && to.cols == from.cols && to.double_quant() == from.double_quant() &&
                      from.block >= Quant4Data::kBlock;
    if (!fits) throw InternalError(fmt::format("{}: not the weight that its slots were made for", to.codes.name));
    to.block = from.block;
    to.encoded = from.encoded;
    const auto put = [&](const Tensor& slot, const void* host, int64_t count) {
        run.device.upload(slot.columns(0, count), host, run.stream);
    };
    std::vector<float> tables(static_cast<size_t>(to.tables.cols));
    std::memcpy(tables.data(), from.values.data(), from.values.size());
    if (!from.nested_map.empty())
        std::memcpy(tables.data() + kQuant4Codes, from.nested_map.data(), from.nested_map.size());
    if (to.nested_scales) tables.back() = from.offset;
    put(to.codes, from.codes.data(), to.codes.cols);
    put(to.scales, from.scales.data(), to.blocks());
    if (to.nested_scales) put(to.nested_scales, from.nested_scales.data(), quant4_nested_blocks(to.blocks()));
    put(to.tables, tables.data(), to.tables.cols);
    run.device.synchronize(run.stream);
}

}   // namespace llmft
