// BPE's merge table: which two neighbours join, when (rank, the lowest first), and into what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace llmft {

class MergeTable {
public:
    static constexpr uint32_t kNone = UINT32_MAX;   // the rank of a pair that never joins

    // Room for so many pairs (more make it grow) and ranks.
    explicit MergeTable(size_t pairs = 0, size_t ranks = 0);
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
    // Open addressing, a third of the slots free: the pair's slot, or the free one where it would go.
    size_t slot_of(int32_t left, int32_t right) const {
        const uint64_t key = static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
        auto at = static_cast<size_t>((key * 0x9e3779b97f4a7c15ull >> 32) * slots_.size() >> 32);
        while (slots_[at].left != -1 && (slots_[at].left != left || slots_[at].right != right))
            at = at + 1 == slots_.size() ? 0 : at + 1;
        return at;
    }

    void make_slots(size_t pairs);

    std::vector<Slot> slots_;
    size_t pairs_ = 0;
    std::vector<int32_t> joined_;   // by rank
};

// Pairs of texts in the order of a file, in no more bytes than the file has for them.
class MergeList {
public:
    void add(std::string_view left, std::string_view right);
    size_t size() const { return size_; }
    void clear() { *this = {}; }

    // `take(left, right, index)` for each.
    template <class Take>
    void for_each(const Take& take) const {
        size_t at = 0;
        for (size_t index = 0; index < size_; ++index) {
            const std::string_view left = text_at(at), right = text_at(at);
            take(left, right, index);
        }
    }

private:
    std::string_view text_at(size_t& at) const;   // and goes behind it

    std::string
        pool_;   // each text behind its length: seven bits a byte, the lowest first, the last without the top bit
    size_t size_ = 0;
};

// A token, maybe still being formed: then a node of a doubly linked list in an array. −1 is no neighbour.
struct Symbol {
    int32_t id;            // −1: joined into its left neighbour
    uint32_t begin, end;   // bytes of the pre-token
    int32_t prev = -1, next = -1;
    uint32_t rank = MergeTable::kNone;   // of the pair with `next`
};

// Joins neighbours until none can join: always the pair of the lowest rank, the leftmost of equals. n symbols take
// O(n log n) time at most. The links of `symbols` are set here.
void merge_symbols(const MergeTable& merges, std::vector<Symbol>& symbols);

}   // namespace llmft
