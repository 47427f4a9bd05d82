// Plain double matrices: what references compute on. Integers are held as doubles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace llmft::test {

struct Matrix {
    int64_t rows = 0;
    int64_t cols = 0;
    std::vector<double> values;

    Matrix() = default;
    Matrix(int64_t r, int64_t c, double fill = 0.0) : rows(r), cols(c), values(static_cast<size_t>(r * c), fill) {}
    double& operator()(int64_t r, int64_t c) { return values[static_cast<size_t>(r * cols + c)]; }
    double operator()(int64_t r, int64_t c) const { return values[static_cast<size_t>(r * cols + c)]; }
    // A vector is one row.
    double& operator[](int64_t i) { return values[static_cast<size_t>(i)]; }
    double operator[](int64_t i) const { return values[static_cast<size_t>(i)]; }
    int64_t index(int64_t i) const { return static_cast<int64_t>(values[static_cast<size_t>(i)]); }
};

}   // namespace llmft::test
