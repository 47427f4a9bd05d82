// BPE's merge table: which two neighbours join, when (rank, the lowest first), and into what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace llmft {

class MergeTable {
public:
    static constexpr uint32_t kNone = UINT32_MAX;   // the rank of a pair that never joins

    explicit MergeTable(size_t count = 0);   // room for so many pairs; more make it grow
    // A pair given twice keeps the later rank.
    void add(int32_t left, int32_t right, uint32_t rank, int32_t joined);
    uint32_t rank_of(int32_t left, int32_t right) const { return slots_[slot_of(left, right)].rank; }
    int32_t joined(uint32_t rank) const { return joined_[rank]; }
    size_t ranks() const { return joined_.size(); }

private:
    struct Slot {
        int32_t left = -1, right = -1;
        uint32_t rank = kNone;
    };
    // Open addressing: the pair's slot, or the free one where it would go.
    size_t slot_of(int32_t left, int32_t right) const {
        const uint64_t key = static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
        size_t at = static_cast<size_t>(key * 0x9e3779b97f4a7c15ull >> shift_);
        while (slots_[at].left != -1 && (slots_[at].left != left || slots_[at].right != right)) at = (at + 1) & mask_;
        return at;
    }

    void make_slots(size_t pairs);

    std::vector<Slot> slots_;
    size_t pairs_ = 0;
    std::vector<int32_t> joined_;   // by rank
    size_t mask_;
    int shift_;
};

// A token being formed: a node of a doubly linked list in an array. −1 is no neighbour.
struct Symbol {
    int32_t id;       // −1: joined into its left neighbour
    uint32_t begin;   // byte of the pre-token where it begins
    int32_t prev, next;
    uint32_t rank;   // of the pair with `next`
};

// Joins neighbours until none can join: always the pair of the lowest rank, the leftmost of equals. n symbols take
// O(n log n) time at most. The links of `symbols` are set here.
void merge_symbols(const MergeTable& merges, std::vector<Symbol>& symbols);

}   // namespace llmft
