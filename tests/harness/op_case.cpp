#include "tests/harness/op_case.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "kernels/base/isa.h"
#include "kernels/base/parallel.h"
#include "tests/harness/guarded.h"
#include "tests/harness/sanitizers.h"

namespace llmft::test {
namespace {

class Buffers : public Slots {
public:
    explicit Buffers(const OpCase& op) {
        for (const Slot& slot : op.slots) {
            Random random(op.name + "/" + slot.name);
            Matrix start(slot.rows, slot.cols);
            const bool integer = half_ulp(slot.dtype) == 0.0;
            const double unset = integer ? -1.0 : std::numeric_limits<double>::quiet_NaN();
            for (int64_t r = 0; r < slot.rows; ++r)
                for (int64_t c = 0; c < slot.cols; ++c)
                    start(r, c) = slot.role == Role::kOut ? unset : slot.fill(random, r, c);
            Guarded buffer(slot.rows, slot.cols, slot.cols + slot.padding, slot.dtype);
            buffer.write(start);
            buffers_.emplace(slot.name, std::move(buffer));
        }
    }
    View operator[](const std::string& name) const override { return at(name).view(); }
    Guarded& at(const std::string& name) const { return const_cast<Guarded&>(buffers_.at(name)); }

private:
    std::map<std::string, Guarded> buffers_;
};

using Bits = std::map<std::string, std::vector<unsigned char>>;

Bits bits_of(const OpCase& op, const Buffers& buffers) {
    Bits bits;
    for (const Slot& slot : op.slots) bits[slot.name] = buffers.at(slot.name).bits();
    return bits;
}

// Runs once and checks everything that does not need another run. Returns the bits it left.
Bits run_once(const OpCase& op, const Matrices& want, const std::string& how) {
    const Buffers buffers(op);
    const Bits before = bits_of(op, buffers);
    op.cpu(buffers);
    for (const Slot& slot : op.slots) {
        const std::string what = fmt::format("{}, {}: {}", op.name, how, slot.name);
        const std::string damage = buffers.at(slot.name).damage();
        CHECK_MESSAGE(damage.empty(), what, ": wrote ", damage);
        if (slot.role == Role::kIn)
            CHECK_MESSAGE(buffers.at(slot.name).bits() == before.at(slot.name), what, ": an input was written");
        else
            check_close(what, buffers.at(slot.name).read(), want.at(slot.name), slot.tolerance);
    }
    return bits_of(op, buffers);
}

void check_same_bits(const OpCase& op, const Bits& got, const Bits& first, const std::string& how) {
    for (const Slot& slot : op.slots)
        CHECK_MESSAGE(got.at(slot.name) == first.at(slot.name), op.name, ", ", how, ": other bits in ", slot.name);
}

Matrices expected(const OpCase& op) {
    const Buffers buffers(op);
    Matrices matrices;
    for (const Slot& slot : op.slots) matrices[slot.name] = buffers.at(slot.name).read();
    op.reference(matrices);
    return matrices;
}

}   // namespace

Fill normal(double deviation) {
    return [=](Random& random, int64_t, int64_t) { return deviation * random.normal(); };
}
Fill uniform(double low, double high) {
    return [=](Random& random, int64_t, int64_t) { return random.uniform(low, high); };
}
Fill constant(double value) {
    return [=](Random&, int64_t, int64_t) { return value; };
}
Fill integers(int64_t below) {
    return [=](Random& random, int64_t, int64_t) { return static_cast<double>(random.below(below)); };
}
Fill values(std::vector<double> listed) {
    return [=](Random&, int64_t row, int64_t col) { return listed.at(static_cast<size_t>(row + col)); };
}

void check_op(const OpCase& op) {
    const Matrices want = expected(op);
    const Isa isa_before = isa();
    const int threads_before = thread_count();
    Bits first;
    for (const Isa which : {Isa::kBaseline, Isa::kV2, Isa::kV3, Isa::kV4}) {
        // Threads share what an op writes in the same way on every instruction set: where only races are looked for,
        // which takes a hundred times as long, the best one alone is run.
        if ((kThreadSanitizer && which != isa_before) || !set_isa(which)) continue;
        if (op.same_bits == SameBits::kOnOneIsa) first.clear();
        for (const int threads : {1, 2, 3}) {
            set_thread_count(threads);
            const std::string how = fmt::format("{}, {} threads", llmft::name(which), threads);
            const Bits bits = run_once(op, want, how);
            if (first.empty()) first = bits;
            check_same_bits(op, bits, first, how);
        }
    }
    set_isa(isa_before);
    set_thread_count(threads_before);
}

void check_gradient(const std::string& what, Matrix& x, const Matrix& d_x, const std::function<double()>& loss) {
    const auto count = static_cast<int64_t>(x.values.size());
    const int64_t stride = std::max<int64_t>(1, count / 64);
    Matrix got(1, (count + stride - 1) / stride);
    Matrix want = got;
    for (int64_t i = 0; i < got.cols; ++i) {
        const double at = x[i * stride];
        const double h = 1e-5 * std::max(1.0, std::fabs(at));
        x[i * stride] = at + h;
        const double above = loss();
        x[i * stride] = at - h;
        const double below = loss();
        x[i * stride] = at;
        want[i] = (above - below) / (2.0 * h);
        got[i] = d_x[i * stride];
    }
    const double scale = 1.0 + std::fabs(loss());
    check_close(
        what, got, want,
        {.rel = 1e-6, .abs = 1e-9 * scale, .why = "h = 1e-5: h² of truncation, 1e-16/h of the loss in rounding"});
}

double dot(const Matrix& a, const Matrix& b) {
    double sum = 0.0;
    for (size_t i = 0; i < a.values.size(); ++i) sum += a.values[i] * b.values.at(i);
    return sum;
}

Matrix random_matrix(const std::string& name, int64_t rows, int64_t cols, const Fill& fill) {
    Random random(name);
    Matrix m(rows, cols);
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c) m(r, c) = fill(random, r, c);
    return m;
}

}   // namespace llmft::test
