// A matrix in memory as a kernel gets it, between two guard bands, with sentinels in its padding.
#pragma once

#include <string>
#include <vector>

#include "kernels/base/view.h"
#include "tests/harness/matrix.h"

namespace llmft::test {

class Guarded {
public:
    Guarded(int64_t rows, int64_t cols, int64_t ld, DType dtype);

    View view() { return {data(), dtype_, ld_}; }
    void write(const Matrix&);   // rounded to nearest even to the dtype
    Matrix read() const;
    // "" where guards and padding are untouched, else what was overwritten.
    std::string damage() const;
    // The elements' bytes, row after row, without the padding.
    std::vector<unsigned char> bits() const;

private:
    unsigned char* data() { return bytes_.data() + kGuard; }
    const unsigned char* at(int64_t row, int64_t col) const {
        return bytes_.data() + kGuard + (row * ld_ + col) * size_bytes(dtype_);
    }

    static constexpr int64_t kGuard = 256;
    static constexpr unsigned char kSentinel = 0xff;   // NaN in every float type, −1 in every integer

    int64_t rows_;
    int64_t cols_;
    int64_t ld_;
    DType dtype_;
    std::vector<unsigned char> bytes_;
};

}   // namespace llmft::test
