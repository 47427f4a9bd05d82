#include "engine/ops/quant4.h"

#include "engine/ops/launch.h"
#include "kernels/quant4/quant4.h"

namespace llmft::ops {

void quant4_decode(const Quant4Decode& a, Run& run) {
    constexpr const char* kOp = "quant4_decode";
    const Quant4Tensor& w = a.weight;
    const bool nested = w.double_quant() == DoubleQuant::kYes;
    expect_float(kOp, "y", a.y);
    expect_shape(kOp, "y", a.y, w.rows, w.cols);
    expect_dtype(kOp, "codes", w.codes, DType::kU8);
    expect_shape(kOp, "codes", w.codes, 1, quant4_code_bytes(w.rows * w.cols));
    expect_dtype(kOp, "scales", w.scales, nested ? DType::kU8 : DType::kF32);
    expect_shape(kOp, "scales", w.scales.columns(0, w.blocks()), 1, w.blocks());
    expect_dtype(kOp, "tables", w.tables, DType::kF32);
    expect_shape(kOp, "tables", w.tables, 1, nested ? kQuant4Codes + kNestedCodes + 1 : kQuant4Codes);
    const auto* tables = static_cast<const float*>(w.tables.data);
    launch<llmft::Quant4Decode>(
        kOp,
        {.flops = static_cast<double>(a.y.count()),
         .bytes = bytes(w.codes) + bytes(w.scales) + bytes(w.nested_scales) + bytes(w.tables) + bytes(a.y)},
        {.codes = static_cast<const uint8_t*>(w.codes.data),
         .values = tables,
         .scales = w.scales.data,
         .nested_scales = nested ? static_cast<const float*>(w.nested_scales.data) : nullptr,
         .nested_map = nested ? tables + kQuant4Codes : nullptr,
         .offset = nested ? tables + kQuant4Codes + kNestedCodes : nullptr,
         .block = w.block,
         .encoded = w.encoded,
         .first_row = 0,
         .y = a.y.view(),
         .rows = w.rows,
         .cols = w.cols},
        cpu::quant4_decode, cuda::quant4_decode, run);
}

}   // namespace llmft::ops
