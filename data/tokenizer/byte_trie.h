// A set of byte strings with a number each, that says which of them stand at a place of a text.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace llmft {

class ByteTrie {
public:
    // Room for so many bytes of keys, those that begin alike counted once; more make it grow.
    explicit ByteTrie(size_t nodes = 0) { make_slots(std::bit_ceil(nodes + nodes / 2 + 64)); }
    // False where the key, which is not empty, has a value; it keeps that one. All keys together have some 16 million
    // bytes at most, beginnings that they share counted once; LimitReached beyond.
    struct LimitReached {};
    bool add(std::string_view key, int32_t value);

    // Calls take(end, value) for every key that text[at, end) is, the shortest first.
    template <class Take>
    void prefixes(std::string_view text, size_t at, const Take& take) const {
        for (uint32_t node = 0; at < text.size();) {
            const Edge& edge = slots_[slot_of(node << 8 | static_cast<unsigned char>(text[at]))];
            if (edge.child == 0) return;
            node = edge.child;
            ++at;
            if (values_[node] >= 0) take(at, values_[node]);
        }
    }

private:
    struct Edge {
        uint32_t from = 0;    // parent << 8 | byte
        uint32_t child = 0;   // 0, the root: a free slot
    };
    size_t slot_of(uint32_t from) const {   // the edge's, or the free one where it would go
        auto at = static_cast<size_t>((from * 0x9e3779b97f4a7c15ull) >> shift_);
        while (slots_[at].child != 0 && slots_[at].from != from) at = (at + 1) & (slots_.size() - 1);
        return at;
    }
    void make_slots(size_t count);   // a power of two

    std::vector<Edge> slots_;
    int shift_ = 0;
    std::vector<int32_t> values_{-1};   // by node; −1: no key ends there
};

}   // namespace llmft
