// Checked casts, dropout and row moves; see kernels/{cast,dropout,rows}.
#pragma once

#include "engine/core/run.h"

namespace llmft::ops {

struct Cast {
    Tensor x;   // (rows, cols)
    Tensor y;   // (rows, cols), any float dtype
    float scale;
};
void cast(const Cast&, Run&);

// y = keep·x/(1−p), or y += …; the mask is keyed by (run.rng, module, example, position, column).
struct Dropout {
    Tensor x;           // (T, cols)
    Tensor y;           // (T, cols)
    Tensor example;     // (1, T) int32
    Tensor positions;   // (1, T) int32
    float probability;
    uint32_t module;
    OutMode out_mode;
};
void dropout(const Dropout&, Run&);

struct MoveRows {
    Tensor x;
    Tensor y;       // x's dtype
    Tensor index;   // (1, rows) int32: gather reads x's rows, scatter writes y's
};
void gather_rows(const MoveRows&, Run&);
void scatter_rows(const MoveRows&, Run&);

}   // namespace llmft::ops
