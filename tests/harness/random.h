// Random numbers of tests: the same on every machine and compiler (splitmix64; Steele, Lea, Flood 2014).
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

namespace llmft::test {

constexpr uint64_t kSeed = 20240611;

class Random {
public:
    // `name` keeps two cases from drawing the same numbers.
    explicit Random(std::string_view name, uint64_t seed = kSeed) : state_(seed) {
        for (const char c : name) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    }
    uint64_t bits() {
        uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    double uniform(double low, double high) { return low + (high - low) * static_cast<double>(bits() >> 11) * 0x1p-53; }
    int64_t below(int64_t n) { return static_cast<int64_t>(bits() % static_cast<uint64_t>(n)); }
    double normal() {   // Box and Muller 1958
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(0.0, 1.0)));
        return radius * std::cos(6.283185307179586 * uniform(0.0, 1.0));
    }

private:
    uint64_t state_;
};

}   // namespace llmft::test
