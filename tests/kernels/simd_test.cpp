// kernels/base/simd.h: each operation against the scalar one, bit for bit, on every instruction set of this machine.
#include "tests/kernels/simd_probe.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/base/isa.h"
#include "tests/harness/compare.h"
#include "tests/harness/random.h"

namespace llmft::test {
namespace {

struct Probed {
    Isa isa;
    const SimdProbe* probe;
};

std::vector<Probed> probes() {
    std::vector<Probed> all;
    const Isa before = isa();
    const auto add = [&](Isa which, const SimdProbe& probe) {
        if (set_isa(which)) all.push_back({which, &probe});
    };
#if defined(__x86_64__)
    add(Isa::kV2, cpu::v2::simd_probe);
    add(Isa::kV3, cpu::v3::simd_probe);
    add(Isa::kV4, cpu::v4::simd_probe);
#else
    add(Isa::kBaseline, cpu::baseline::simd_probe);
#endif
    set_isa(before);
    return all;
}

constexpr int64_t kCount = 100'003;   // odd: the last vector is a partial one

// Every kind of float: all exponents, subnormals, infinities and NaN.
std::vector<float> any_floats(const char* name) {
    Random random(name);
    std::vector<float> all;
    for (int64_t i = 0; i < kCount; ++i) all.push_back(std::bit_cast<float>(static_cast<uint32_t>(random.bits())));
    const float inf = std::numeric_limits<float>::infinity();
    const float special[] = {0.0f,     -0.0f, inf, -inf, std::nanf(""), 1.0f, -1.0f, 0x1p-149f, 0x1.fffffep+127f,
                             0x1p-126f};
    for (size_t i = 0; i < std::size(special); ++i) all[i] = special[i];
    return all;
}

// Floats near one, whose sums and products cancel and round in every way.
std::vector<float> near_floats(const char* name) {
    Random random(name);
    std::vector<float> all;
    for (int64_t i = 0; i < kCount; ++i)
        all.push_back(
            static_cast<float>(std::ldexp(random.uniform(-2.0, 2.0), static_cast<int>(random.below(60)) - 30)));
    return all;
}

// Same bits, or both NaN.
template <class T>
int64_t faults(const std::vector<T>& got, const std::vector<T>& want) {
    int64_t count = 0;
    for (size_t i = 0; i < want.size(); ++i) {
        const float g = to_f32(got[i]);
        const float w = to_f32(want[i]);
        const bool same = std::bit_cast<uint32_t>(g) == std::bit_cast<uint32_t>(w) || (std::isnan(g) && std::isnan(w));
        if (!same) ++count;
    }
    return count;
}

}   // namespace

TEST_CASE("simd fma rounds once on every instruction set") {
    const auto check = [](const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& c) {
        std::vector<float> got(kCount), want(kCount);
        for (size_t i = 0; i < kCount; ++i) want[i] = std::fma(a[i], b[i], c[i]);
        for (const Probed& on : probes()) {
            on.probe->fma(a.data(), b.data(), c.data(), got.data(), kCount);
            CHECK_MESSAGE(faults(got, want) == 0, name(on.isa));
        }
    };
    for (const auto& make : {any_floats, near_floats}) {
        const std::vector<float> a = make("a"), b = make("b");
        std::vector<float> c = make("c");
        for (size_t i = 0; i < kCount; i += 3) c[i] = -(a[i] * b[i]);   // cancels all but the rounding
        check(a, b, c);
    }
    // Products half way between two floats, and a term that decides but is lost in a double.
    Random random("ties");
    std::vector<float> a(kCount), b(kCount), c(kCount);
    for (size_t i = 0; i < kCount; ++i) {
        const double odd = 1.0 + static_cast<double>(2 * random.below(1024) + 1) * 0x1p-12;
        a[i] = static_cast<float>(random.below(2) == 0 ? odd : -odd);
        b[i] = 1.0f + 0x1p-12f;
        c[i] = std::ldexp(random.below(2) == 0 ? 1.0f : -1.0f, -static_cast<int>(random.below(60)) - 40);
    }
    check(a, b, c);
}

TEST_CASE("simd square root, maximum, minimum and comparison follow the scalar rules, NaN included") {
    const std::vector<float> a = any_floats("a"), b = any_floats("b");
    std::vector<float> got(kCount), want(kCount);
    for (const Probed& on : probes()) {
        on.probe->sqrt(a.data(), got.data(), kCount);
        for (size_t i = 0; i < kCount; ++i) want[i] = std::sqrt(a[i]);
        CHECK_MESSAGE(faults(got, want) == 0, name(on.isa));
        on.probe->max(a.data(), b.data(), got.data(), kCount);
        for (size_t i = 0; i < kCount; ++i) want[i] = a[i] > b[i] ? a[i] : b[i];
        CHECK_MESSAGE(faults(got, want) == 0, name(on.isa));
        on.probe->min(a.data(), b.data(), got.data(), kCount);
        for (size_t i = 0; i < kCount; ++i) want[i] = a[i] < b[i] ? a[i] : b[i];
        CHECK_MESSAGE(faults(got, want) == 0, name(on.isa));
        on.probe->less(a.data(), b.data(), got.data(), kCount);
        for (size_t i = 0; i < kCount; ++i) want[i] = a[i] < b[i] ? 1.0f : 0.0f;
        CHECK_MESSAGE(faults(got, want) == 0, name(on.isa));
    }
}

TEST_CASE("simd exp is within 1.25 ulp, has the same bits on every instruction set, and keeps NaN and the limits") {
    Random random("exp");
    std::vector<float> x = any_floats("exp");
    for (size_t i = 10; i < kCount; ++i) x[i] = static_cast<float>(random.uniform(-104.5, 89.5));
    std::vector<float> first(kCount), got(kCount);
    probes().front().probe->exp(x.data(), first.data(), kCount);
    CHECK(first[0] == 1.0f);
    CHECK(std::isinf(first[2]));
    CHECK(first[3] == 0.0f);
    CHECK(std::isnan(first[4]));
    double worst = 0.0;
    for (size_t i = 5; i < kCount; ++i) {
        const double want = std::exp(static_cast<double>(x[i]));
        if (want > std::numeric_limits<float>::max()) {
            CHECK(std::isinf(first[i]));
            continue;
        }
        const double ulp = std::max(std::ldexp(1.0, std::ilogb(want) - 23), 0x1p-149);
        const double error = std::fabs(first[i] - want) / ulp;
        if (!(error <= worst)) worst = error;
    }
    CHECK(worst <= 1.25);   // below 1, in ulps: the last sum 1/2, r and the sum before it 1/4 each, the polynomial 1/8
    for (const Probed& on : probes()) {
        on.probe->exp(x.data(), got.data(), kCount);
        CHECK_MESSAGE(faults(got, first) == 0, name(on.isa));
    }
}

TEST_CASE("simd bf16 conversions have the bits of the scalar ones") {
    const std::vector<float> x = any_floats("bf16");
    std::vector<bf16> got(kCount), want(kCount), all(65536);
    std::vector<float> rounded(kCount), wide(kCount), back(65536), expected(65536);
    for (size_t i = 0; i < kCount; ++i) want[i] = to_bf16(x[i]), wide[i] = to_f32(want[i]);
    for (size_t i = 0; i < all.size(); ++i) all[i] = {static_cast<uint16_t>(i)}, expected[i] = to_f32(all[i]);
    for (const Probed& on : probes()) {
        on.probe->to_bf16(x.data(), got.data(), kCount);
        CHECK_MESSAGE(faults(got, want) == 0, name(on.isa));
        on.probe->round_bf16(x.data(), rounded.data(), kCount);
        CHECK_MESSAGE(faults(rounded, wide) == 0, name(on.isa));
        on.probe->from_bf16(all.data(), back.data(), 65536);
        CHECK_MESSAGE(faults(back, expected) == 0, name(on.isa));
    }
}

TEST_CASE("simd f16 conversions have the bits of the scalar ones, and those invert each other") {
    std::vector<float> x = any_floats("f16");
    Random random("f16 range");
    for (size_t i = 10; i < kCount; i += 2)
        x[i] = static_cast<float>(std::ldexp(random.uniform(-1.0, 1.0), static_cast<int>(random.below(45)) - 27));
    std::vector<f16> got(kCount), want(kCount), all(65536);
    std::vector<float> back(65536), expected(65536);
    for (size_t i = 0; i < kCount; ++i) want[i] = to_f16(x[i]);
    for (size_t i = 0; i < all.size(); ++i) {
        all[i] = {static_cast<uint16_t>(i)};
        expected[i] = to_f32(all[i]);
        if (!std::isnan(expected[i])) CHECK(to_f16(expected[i]).bits == i);
    }
    for (const Probed& on : probes()) {
        on.probe->to_f16(x.data(), got.data(), kCount);
        CHECK_MESSAGE(faults(got, want) == 0, name(on.isa));
        on.probe->from_f16(all.data(), back.data(), 65536);
        CHECK_MESSAGE(faults(back, expected) == 0, name(on.isa));
    }
}

TEST_CASE("scalar half conversions round to nearest even and keep NaN") {
    CHECK(to_bf16(1.0f + 0x1p-8f).bits == to_bf16(1.0f).bits);            // a tie, down to even
    CHECK(to_f32(to_bf16(1.0f + 0x1p-7f + 0x1p-8f)) == 1.0f + 0x1p-6f);   // a tie, up to even
    CHECK(to_f32(to_f16(1.0f + 0x1p-11f)) == 1.0f);
    CHECK(to_f32(to_f16(1.0f + 0x1p-10f + 0x1p-11f)) == 1.0f + 0x1p-9f);
    CHECK(to_f32(to_f16(65504.0f)) == 65504.0f);
    CHECK(std::isinf(to_f32(to_f16(65520.0f))));
    CHECK(to_f32(to_f16(0x1p-24f)) == 0x1p-24f);
    CHECK(to_f32(to_f16(0x1p-25f)) == 0.0f);
    CHECK(std::isnan(to_f32(to_bf16(std::bit_cast<float>(0x7f800001u)))));   // a NaN whose payload would be cut off
    CHECK(std::isnan(to_f32(to_f16(std::bit_cast<float>(0x7f800001u)))));
}

TEST_CASE("simd sums add lane i to i+8, i+4, i+2, i+1 on every instruction set") {
    const std::vector<float> a = near_floats("sum");
    for (const int64_t n : {1, 15, 16, 17, 63, 577}) {
        float lane[16] = {};
        for (int64_t i = 0; i < n; ++i) lane[i % 16] += a[static_cast<size_t>(i)];
        for (int width = 8; width >= 1; width /= 2)
            for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
        for (const Probed& on : probes()) CHECK_MESSAGE(on.probe->sum(a.data(), n) == lane[0], name(on.isa));
    }
    float largest = a[0];
    for (size_t i = 1; i < 16; ++i) largest = std::fmax(largest, a[i]);
    for (const Probed& on : probes()) CHECK_MESSAGE(on.probe->max_of(a.data()) == largest, name(on.isa));
}

}   // namespace llmft::test
