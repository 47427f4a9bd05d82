// The harness itself: a comparator that let NaN or a wrong sign pass would void every test that uses it.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/harness/compare.h"
#include "tests/harness/guarded.h"

namespace llmft::test {

TEST_CASE("the comparator faults NaN, wrong infinities, wrong signs and what is beyond the tolerance") {
    const double nan = std::nan("");
    const double inf = std::numeric_limits<double>::infinity();
    const Tolerance loose{.rel = 0.1, .abs = 0.01, .why = "test"};
    const auto passes = [&](double got, double want, const Tolerance& tolerance) {
        return difference(Matrix(1, 1, got), Matrix(1, 1, want), tolerance).empty();
    };
    CHECK(passes(1.09, 1.0, loose));
    CHECK(passes(inf, inf, loose));
    CHECK(passes(0.0, 0.0, {.why = "exact"}));
    CHECK_FALSE(passes(1.2, 1.0, loose));
    CHECK_FALSE(passes(-1.0, 1.0, loose));
    CHECK_FALSE(passes(nan, 1.0, loose));
    CHECK_FALSE(passes(1.0, nan, loose));
    CHECK_FALSE(passes(nan, nan, loose));
    CHECK_FALSE(passes(inf, -inf, loose));
    CHECK_FALSE(passes(inf, 1.0, loose));
    CHECK_FALSE(passes(1.0, inf, loose));
    CHECK_FALSE(passes(nan, 0.0, {.why = "exact"}));
    CHECK(passes(nan, nan, {.why = "wanted", .nan = Nan::kWhereWanted}));
    CHECK_FALSE(passes(1.0, nan, {.why = "wanted", .nan = Nan::kWhereWanted}));
}

TEST_CASE("the comparator names the worst place") {
    Matrix got(2, 3, 1.0);
    got(0, 1) = 1.5;
    got(1, 2) = std::nan("");
    const std::string text = difference(got, Matrix(2, 3, 1.0), {.rel = 0.1, .why = "because"});
    CHECK(text.find("2 of 6 differ; worst at (1, 2)") == 0);
    CHECK(text.find("because") != std::string::npos);
}

TEST_CASE("guards see a write before, behind and between the rows") {
    const auto written = [](int64_t at) {
        Guarded m(2, 3, 5, DType::kF32);
        m.write(Matrix(2, 3, 1.0));
        if (at != 0) static_cast<float*>(m.view().data)[at] = 0.0f;
        return m.damage();
    };
    CHECK(written(0) == "");
    CHECK(written(-1) == "the guard band before the data");
    CHECK(written(10) == "the guard band behind the data");
    CHECK(written(3) == "the padding of row 0");
    CHECK(written(9) == "the padding of row 1");
}

}   // namespace llmft::test
