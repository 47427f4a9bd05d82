#include "engine/core/rng.h"

#include "kernels/base/philox.h"

namespace llmft {
namespace {

// Four words of the index's block: the counter is (index / 4, purpose), the key the seed.
uint32_t random_word(uint32_t seed, uint64_t purpose, uint64_t index) {
    const uint64_t block = index / 4;
    const PhiloxCounter bits = philox4x32_10({{static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                                               static_cast<uint32_t>(purpose), static_cast<uint32_t>(purpose >> 32)}},
                                             {{seed, 0}});
    return bits.word[index % 4];
}

}   // namespace

float HostRandom::uniform(uint64_t index) const {
    return static_cast<float>(random_word(seed_, purpose_, index) >> 8) * 0x1p-24f;
}

}   // namespace llmft
