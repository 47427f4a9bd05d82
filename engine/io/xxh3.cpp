#include "engine/io/xxh3.h"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace llmft {

struct Xxh3::State {
    XXH3_state_t inner;
};

uint64_t xxh3(Bytes bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

Xxh3::Xxh3() : state_(new State) {
    XXH3_64bits_reset(&state_->inner);
}

Xxh3::~Xxh3() {
    delete state_;
}

Xxh3& Xxh3::add(Bytes bytes) {
    XXH3_64bits_update(&state_->inner, bytes.data(), bytes.size());
    return *this;
}

uint64_t Xxh3::digest() const {
    return XXH3_64bits_digest(&state_->inner);
}

std::string hash_text(uint64_t hash) {
    return fmt::format("{:016x}", hash);
}

}   // namespace llmft
