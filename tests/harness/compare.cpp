#include "tests/harness/compare.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace llmft::test {
namespace {

// How far beyond the tolerance: at most 1 passes. NaN and a wrong infinity are infinitely far.
double excess(double got, double want, const Tolerance& tolerance) {
    if (std::isnan(want) && tolerance.nan == Nan::kWhereWanted && std::isnan(got)) return 0.0;
    if (std::isinf(want) || std::isinf(got)) return got == want ? 0.0 : std::numeric_limits<double>::infinity();
    const double error = std::fabs(got - want);
    if (error == 0.0) return 0.0;
    const double ratio = error / (tolerance.abs + tolerance.rel * std::fabs(want));
    return ratio >= 0.0 ? ratio : std::numeric_limits<double>::infinity();
}

}   // namespace

double half_ulp(DType type) {
    switch (type) {
        case DType::kF32: return 0x1p-24;
        case DType::kBf16: return 0x1p-8;
        case DType::kF16: return 0x1p-11;
        case DType::kF64: return 0x1p-53;
        default: return 0.0;
    }
}

std::string difference(const Matrix& got, const Matrix& want, const Tolerance& tolerance) {
    if (got.rows != want.rows || got.cols != want.cols)
        return fmt::format("shape ({}, {}), wanted ({}, {})", got.rows, got.cols, want.rows, want.cols);
    int64_t faults = 0;
    double worst = -1.0;
    int64_t worst_row = 0;
    int64_t worst_col = 0;
    for (int64_t r = 0; r < want.rows; ++r)
        for (int64_t c = 0; c < want.cols; ++c) {
            const double ratio = excess(got(r, c), want(r, c), tolerance);
            if (!(ratio <= 1.0)) ++faults;
            if (!(ratio <= worst)) worst = ratio, worst_row = r, worst_col = c;
        }
    if (faults == 0) return "";
    return fmt::format(
        "{} of {} differ; worst at ({}, {}): got {:.9g}, wanted {:.9g}, {:.3g} × the tolerance (rel {:.3g}, abs "
        "{:.3g}: {})",
        faults, want.rows * want.cols, worst_row, worst_col, got(worst_row, worst_col), want(worst_row, worst_col),
        worst, tolerance.rel, tolerance.abs, tolerance.why);
}

void check_close(const std::string& what, const Matrix& got, const Matrix& want, const Tolerance& tolerance) {
    const std::string text = difference(got, want, tolerance);
    CHECK_MESSAGE(text.empty(), what, ": ", text);
}

void check_close(const std::string& what, double got, double want, const Tolerance& tolerance) {
    check_close(what, Matrix(1, 1, got), Matrix(1, 1, want), tolerance);
}

}   // namespace llmft::test
