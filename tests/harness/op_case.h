// One description of an op instance, from which every check of it follows: what its matrices are, how it is called on
// Views, what it should compute (in double), and how exactly. check_op() runs it on the CPU against the reference on
// every instruction set of this machine and with 1, 2 and 3 threads; all these runs must give the same bits. Every
// matrix lies between guard bands and has sentinels in its padding: both must survive, and so must the bits of every
// input.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kernels/base/view.h"
#include "tests/harness/compare.h"
#include "tests/harness/matrix.h"
#include "tests/harness/random.h"

namespace llmft::test {

enum class Role : uint8_t { kIn, kOut, kInOut };   // kOut starts as NaN, integers as −1: what is there must not matter

// Value of the element at (row, col), before it is rounded to the slot's dtype.
using Fill = std::function<double(Random&, int64_t row, int64_t col)>;
Fill normal(double deviation = 1.0);
Fill uniform(double low, double high);
Fill constant(double value);
Fill integers(int64_t below);              // 0 … below − 1
Fill values(std::vector<double> listed);   // of one row or one column

struct Slot {
    std::string name;
    int64_t rows;
    int64_t cols;
    DType dtype;
    Role role = Role::kIn;
    Fill fill = normal();       // unused for kOut
    int64_t padding = 0;        // ld = cols + padding
    Tolerance tolerance = {};   // of an output
};

// The slots of one run as the op sees them.
class Slots {
public:
    virtual ~Slots() = default;
    virtual View operator[](const std::string& name) const = 0;
    template <class T>
    T* data(const std::string& name) const {
        return static_cast<T*>((*this)[name].data);
    }
};

// The same slots for the reference: inputs hold what the op saw, after rounding; outputs are to be written in place.
using Matrices = std::map<std::string, Matrix>;

enum class SameBits : uint8_t { kOnEveryIsa, kOnOneIsa };   // with any number of threads in both cases

struct OpCase {
    std::string name;   // with its parameters: "rmsnorm_forward bf16 T=3 C=577"
    std::vector<Slot> slots;
    std::function<void(const Slots&)> cpu;
    std::function<void(Matrices&)> reference;
    double flops = 0.0;
    double bytes = 0.0;
    SameBits same_bits = SameBits::kOnEveryIsa;
};

void check_op(const OpCase&);

// The double reference of a backward against central differences of the double reference of its forward: `loss`
// computes Σ weight·output from matrices of which x is one; d_x is what the backward says. Every element of x is
// varied, or 64 spread ones of a larger x.
void check_gradient(const std::string& what, Matrix& x, const Matrix& d_x, const std::function<double()>& loss);

// Σ a·b over all elements: a loss of random weights.
double dot(const Matrix& a, const Matrix& b);
Matrix random_matrix(const std::string& name, int64_t rows, int64_t cols, const Fill& fill = normal());

}   // namespace llmft::test
