// Philox 4×32 with ten rounds: four random words from a counter of four and a key of two words (Salmon, Moraes, Dror,
// Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). Stateless: the same counter and key always give the same
// words.
#pragma once

#include <cstdint>

namespace llmft {

constexpr int kPhiloxRounds = 10;
constexpr uint32_t kPhiloxMultiply0 = 0xd2511f53u;
constexpr uint32_t kPhiloxMultiply1 = 0xcd9e8d57u;
constexpr uint32_t kPhiloxKeyStep0 = 0x9e3779b9u;   // golden ratio
constexpr uint32_t kPhiloxKeyStep1 = 0xbb67ae85u;   // √3 − 1

struct PhiloxCounter {
    uint32_t word[4];
};
struct PhiloxKey {
    uint32_t word[2];
};

[[gnu::always_inline]] constexpr inline PhiloxCounter philox4x32_10(PhiloxCounter counter, PhiloxKey key) {
    for (int round = 0; round < kPhiloxRounds; ++round) {
        const uint64_t product0 = uint64_t{kPhiloxMultiply0} * counter.word[0];
        const uint64_t product1 = uint64_t{kPhiloxMultiply1} * counter.word[2];
        counter = {
            static_cast<uint32_t>(product1 >> 32) ^ counter.word[1] ^ key.word[0], static_cast<uint32_t>(product1),
            static_cast<uint32_t>(product0 >> 32) ^ counter.word[3] ^ key.word[1], static_cast<uint32_t>(product0)};
        key = {key.word[0] + kPhiloxKeyStep0, key.word[1] + kPhiloxKeyStep1};
    }
    return counter;
}

}   // namespace llmft
