// Random numbers keyed by meaning, never by place or order: the same (seed, purpose, …) gives the same numbers on every
// device, for any number of threads, ranks or micro-batches. Generator: Philox-4x32-10 (kernels/base/philox.h).
#pragma once

#include <cstdint>

namespace llmft {

// What ops that draw are handed: the run's seed and the optimizer step. Dropout adds example, position and module
// (kernels/dropout/dropout.h).
struct Rng {
    uint32_t seed = 0;
    uint32_t step = 0;
};

// A host stream for initialisation: the i-th number depends on (seed, purpose, index) alone.
class HostRandom {
public:
    HostRandom(uint32_t seed, uint64_t purpose) : seed_(seed), purpose_(purpose) {}
    float uniform(uint64_t index) const;   // in [0, 1), 24 bits

private:
    uint32_t seed_;
    uint64_t purpose_;
};

// FNV-1a of a name: the purpose of a tensor's initialisation.
constexpr uint64_t purpose_of(const char* text) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; ++text) hash = (hash ^ static_cast<uint8_t>(*text)) * 0x100000001b3u;
    return hash;
}

}   // namespace llmft
