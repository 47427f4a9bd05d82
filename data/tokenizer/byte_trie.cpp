#include "data/tokenizer/byte_trie.h"

#include <bit>
#include <utility>

namespace llmft {

void ByteTrie::make_slots(size_t count) {
    const std::vector<Edge> before = std::exchange(slots_, std::vector<Edge>(count));
    shift_ = 64 - std::countr_zero(count);
    for (const Edge& edge : before)
        if (edge.child != 0) slots_[slot_of(edge.from)] = edge;
}

bool ByteTrie::add(std::string_view key, int32_t value) {
    constexpr size_t kMostNodes = size_t{1} << 24;
    uint32_t node = 0;
    for (const char c : key) {
        if (values_.size() + values_.size() / 2 > slots_.size()) make_slots(2 * slots_.size());
        Edge& edge = slots_[slot_of(node << 8 | static_cast<unsigned char>(c))];
        if (edge.child == 0) {
            if (values_.size() == kMostNodes) throw LimitReached();
            edge = {node << 8 | static_cast<unsigned char>(c), static_cast<uint32_t>(values_.size())};
            values_.push_back(-1);
        }
        node = edge.child;
    }
    if (values_[node] >= 0) return false;
    values_[node] = value;
    return true;
}

}   // namespace llmft
