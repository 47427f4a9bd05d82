// A matrix somewhere: who owns the bytes is an Arena, a mapped file or a test. Everything that has a shape in llmft is
// two-dimensional and row-major with a leading dimension; a vector is one row. Copying a Tensor copies the view.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/base/view.h"

namespace llmft {

enum class DeviceKind : uint8_t { kCpu, kDry, kCuda, kSim };
const char* name(DeviceKind);

struct Tensor {
    void* data = nullptr;   // null or fake on the dry device: never dereferenced there
    DType dtype = DType::kF32;
    int64_t rows = 0;
    int64_t cols = 0;
    int64_t ld = 0;   // elements from one row to the next, ≥ cols
    DeviceKind device = DeviceKind::kCpu;
    const char* name = "";   // as in the memory plan and in errors; lives as long as its arena

    explicit operator bool() const { return rows != 0; }
    int64_t count() const { return rows * cols; }
    View view() const { return {data, dtype, ld}; }

    // Views of a part. The rest of the row stays beyond `cols`: that is where LoRA's spare columns live.
    Tensor columns(int64_t first, int64_t count) const;
    Tensor row_slice(int64_t first, int64_t count) const;

    // The data as T, which must be the dtype, else InternalError that names the tensor.
    template <class T>
    T* as() const;
};

// "name (3, 64) ld 80 bf16": for messages.
std::string describe(const Tensor&);

}   // namespace llmft
