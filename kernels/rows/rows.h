// Rows picked and put back by index.
//   gather:   y[i,:] = x[index[i],:];  rows with index[i] < 0 become 0
//   scatter:  y[index[i],:] = x[i,:];  rows with index[i] < 0 are skipped; rows of y that no index names stay as they
//   are
// Indices are distinct (or negative), so the order does not matter.
#pragma once

#include "kernels/base/stream.h"
#include "kernels/base/view.h"

namespace llmft {

struct MoveRows {
    View x;                 // gather: (T, cols)   scatter: (rows, cols)
    View y;                 // gather: (rows, cols) scatter: (T, cols); x's dtype
    const int32_t* index;   // (rows)
    int64_t rows;
    int64_t cols;
};

namespace cpu {
void gather_rows(const MoveRows&);
void scatter_rows(const MoveRows&);
}   // namespace cpu
namespace cuda {
void gather_rows(const MoveRows&, StreamHandle);
void scatter_rows(const MoveRows&, StreamHandle);
}   // namespace cuda

}   // namespace llmft
