// The one comparator. A value passes where |got − want| ≤ abs + rel·|want|, or where both are the same infinity; a NaN
// in `got` passes only where `want` is NaN too and the tolerance says so.
#pragma once

#include <string>

#include "kernels/base/dtype.h"
#include "tests/harness/matrix.h"

namespace llmft::test {

enum class Nan : uint8_t { kFault, kWhereWanted };

struct Tolerance {
    double rel = 0.0;
    double abs = 0.0;
    const char* why = "";   // where the numbers come from
    Nan nan = Nan::kFault;
};

// The largest relative error of one rounding to nearest: 2^-24 for f32, 2^-8 for bf16, 2^-11 for f16.
double half_ulp(DType);

// Empty where everything passes, else how many fail, the worst place, both values and the tolerance.
std::string difference(const Matrix& got, const Matrix& want, const Tolerance&);

// Fails the running test with the difference, if there is one. `what` names the values in the message.
void check_close(const std::string& what, const Matrix& got, const Matrix& want, const Tolerance&);
void check_close(const std::string& what, double got, double want, const Tolerance&);

}   // namespace llmft::test
