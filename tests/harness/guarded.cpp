#include "tests/harness/guarded.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "kernels/base/half.h"

namespace llmft::test {
namespace {

template <class T>
void put(unsigned char* p, T value) {
    std::memcpy(p, &value, sizeof value);
}
template <class T>
T get(const unsigned char* p) {
    T value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

void put_as(DType type, unsigned char* p, double x) {
    switch (type) {
        case DType::kF64: return put(p, x);
        case DType::kF32: return put(p, static_cast<float>(x));
        case DType::kBf16: return put(p, to_bf16(static_cast<float>(x)));
        case DType::kF16: return put(p, to_f16(static_cast<float>(x)));
        case DType::kI64: return put(p, static_cast<int64_t>(x));
        case DType::kI32: return put(p, static_cast<int32_t>(x));
        case DType::kI16: return put(p, static_cast<int16_t>(x));
        case DType::kU8: return put(p, static_cast<uint8_t>(static_cast<int>(x)));   // −1: every bit set
    }
}

double get_as(DType type, const unsigned char* p) {
    switch (type) {
        case DType::kF64: return get<double>(p);
        case DType::kF32: return get<float>(p);
        case DType::kBf16: return to_f32(get<bf16>(p));
        case DType::kF16: return to_f32(get<f16>(p));
        case DType::kI64: return static_cast<double>(get<int64_t>(p));
        case DType::kI32: return get<int32_t>(p);
        case DType::kI16: return get<int16_t>(p);
        case DType::kU8: return get<uint8_t>(p);
    }
    return std::numeric_limits<double>::quiet_NaN();
}

}   // namespace

Guarded::Guarded(int64_t rows, int64_t cols, int64_t ld, DType dtype)
    : rows_(rows),
      cols_(cols),
      ld_(ld),
      dtype_(dtype),
      bytes_(static_cast<size_t>(2 * kGuard + rows * ld * size_bytes(dtype)), kSentinel) {}

void Guarded::write(const Matrix& m) {
    for (int64_t r = 0; r < rows_; ++r)
        for (int64_t c = 0; c < cols_; ++c) put_as(dtype_, data() + (r * ld_ + c) * size_bytes(dtype_), m(r, c));
}

Matrix Guarded::read() const {
    Matrix m(rows_, cols_);
    for (int64_t r = 0; r < rows_; ++r)
        for (int64_t c = 0; c < cols_; ++c) m(r, c) = get_as(dtype_, at(r, c));
    return m;
}

std::string Guarded::damage() const {
    const auto broken = [](const unsigned char* first, const unsigned char* last) {
        for (; first != last; ++first)
            if (*first != kSentinel) return true;
        return false;
    };
    const unsigned char* const end = bytes_.data() + bytes_.size();
    if (broken(bytes_.data(), bytes_.data() + kGuard)) return "the guard band before the data";
    if (broken(end - kGuard, end)) return "the guard band behind the data";
    for (int64_t r = 0; r < rows_; ++r)
        if (broken(at(r, cols_), at(r, ld_))) return fmt::format("the padding of row {}", r);
    return "";
}

std::vector<unsigned char> Guarded::bits() const {
    std::vector<unsigned char> all;
    for (int64_t r = 0; r < rows_; ++r) all.insert(all.end(), at(r, 0), at(r, cols_));
    return all;
}

}   // namespace llmft::test
