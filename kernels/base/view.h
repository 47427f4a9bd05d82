// A matrix as kernels see it: a pointer, an element type, and `ld` elements from one row to the next. Extents stand
// beside it in the argument struct, once for all views that share them. Whoever calls has checked shapes and types
// (engine/ops).
#pragma once

#include <cstdint>

#include "kernels/base/dtype.h"

namespace llmft {

struct View {
    void* data;
    DType dtype;
    int64_t ld;

    template <class T>
    [[gnu::always_inline]] T* row(int64_t r) const {
        return static_cast<T*>(data) + r * ld;
    }
};

// How an output meets what is there: kOverwrite ignores it, kAccumulate adds to it.
enum class OutMode : uint8_t { kOverwrite, kAccumulate };

}   // namespace llmft
