#include "data/tokenizer/merges.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace llmft {
namespace {

// Waiting pairs, smallest (rank, position) first; both fit one integer. For words.
class HeapQueue {
public:
    explicit HeapQueue(const MergeTable&) {}
    bool empty() const { return heap_.empty(); }
    void push(uint32_t rank, uint32_t at) {
        heap_.push_back(uint64_t{rank} << 32 | at);
        std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    }
    uint64_t pop() {
        std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
        const uint64_t top = heap_.back();
        heap_.pop_back();
        return top;
    }

private:
    std::vector<uint64_t> heap_;
};

// The same, one queue of positions a rank and a heap of the ranks in use: positions nearly always come in order, so
// that ten million equal letters cost a step each. For long runs.
class RankQueue {
public:
    explicit RankQueue(const MergeTable& merges) : queues_(merges.ranks()) {}
    bool empty() const { return ranks_.empty(); }
    void push(uint32_t rank, uint32_t at) {
        Queue& queue = queues_[rank];
        if (queue.size() == 0) {
            queue = {};
            ranks_.push_back(rank);
            std::push_heap(ranks_.begin(), ranks_.end(), std::greater<>());
        }
        if (queue.ordered && queue.size() > 0 && at < queue.positions.back()) {
            queue.positions.erase(queue.positions.begin(), queue.positions.begin() + static_cast<int64_t>(queue.first));
            queue.first = 0;
            queue.ordered = false;   // ascending is a heap already
        }
        queue.positions.push_back(at);
        if (!queue.ordered) std::push_heap(queue.positions.begin(), queue.positions.end(), std::greater<>());
    }
    uint64_t pop() {
        const uint32_t rank = ranks_.front();
        Queue& queue = queues_[rank];
        uint32_t at;
        if (queue.ordered) {
            at = queue.positions[queue.first++];
        } else {
            std::pop_heap(queue.positions.begin(), queue.positions.end(), std::greater<>());
            at = queue.positions.back();
            queue.positions.pop_back();
        }
        if (queue.size() == 0) {
            std::pop_heap(ranks_.begin(), ranks_.end(), std::greater<>());
            ranks_.pop_back();
        }
        return uint64_t{rank} << 32 | at;
    }

private:
    struct Queue {
        std::vector<uint32_t> positions;
        size_t first = 0;
        bool ordered = true;
        size_t size() const { return positions.size() - first; }
    };
    std::vector<Queue> queues_;     // by rank
    std::vector<uint32_t> ranks_;   // a heap of those with a position
};

template <class Queue>
void merge_with(Queue queue, const MergeTable& merges, std::vector<Symbol>& symbols) {
    const auto rank_again = [&](int32_t at) {
        Symbol& left = symbols[static_cast<size_t>(at)];
        left.rank =
            left.next < 0 ? MergeTable::kNone : merges.rank_of(left.id, symbols[static_cast<size_t>(left.next)].id);
        if (left.rank != MergeTable::kNone) queue.push(left.rank, static_cast<uint32_t>(at));
    };
    for (size_t i = 0; i < symbols.size(); ++i) rank_again(static_cast<int32_t>(i));
    while (!queue.empty()) {
        const uint64_t top = queue.pop();
        const auto rank = static_cast<uint32_t>(top >> 32);
        const auto at = static_cast<int32_t>(top & UINT32_MAX);
        Symbol& left = symbols[static_cast<size_t>(at)];
        // A pair that has changed since it was queued has another rank: joined text only grows.
        if (left.id < 0 || left.rank != rank) continue;
        Symbol& right = symbols[static_cast<size_t>(left.next)];
        left.id = merges.joined(rank);
        left.end = right.end;
        left.next = right.next;
        right.id = -1;
        if (left.next >= 0) symbols[static_cast<size_t>(left.next)].prev = at;
        rank_again(at);
        if (left.prev >= 0) rank_again(left.prev);
    }
    std::erase_if(symbols, [](const Symbol& symbol) { return symbol.id < 0; });
}

// Words: look for the lowest rank afresh each time; the array fits a few cache lines.
void merge_by_scanning(const MergeTable& merges, std::vector<Symbol>& symbols) {
    for (size_t i = 0; i + 1 < symbols.size(); ++i) symbols[i].rank = merges.rank_of(symbols[i].id, symbols[i + 1].id);
    symbols.back().rank = MergeTable::kNone;
    while (true) {
        size_t best = 0;
        for (size_t i = 1; i < symbols.size(); ++i)
            if (symbols[i].rank < symbols[best].rank) best = i;
        if (symbols[best].rank == MergeTable::kNone) return;
        symbols[best].id = merges.joined(symbols[best].rank);
        symbols[best].end = symbols[best + 1].end;
        symbols.erase(symbols.begin() + static_cast<int64_t>(best) + 1);
        const bool last = best + 1 == symbols.size();
        symbols[best].rank = last ? MergeTable::kNone : merges.rank_of(symbols[best].id, symbols[best + 1].id);
        if (best > 0) symbols[best - 1].rank = merges.rank_of(symbols[best - 1].id, symbols[best].id);
    }
}

// Lengths in symbols. A RankQueue first makes a queue for each of up to millions of ranks: only long texts earn that
// back.
constexpr size_t kScanned = 32, kHeaped = 4096;

}   // namespace

MergeTable::MergeTable(size_t pairs, size_t ranks) {
    make_slots(pairs);
    joined_.reserve(ranks);
}

void MergeTable::make_slots(size_t pairs) {
    slots_.assign(pairs + pairs / 2 + 2, Slot());
}

void MergeTable::add(int32_t left, int32_t right, uint32_t rank, int32_t joined) {
    if (pairs_ + pairs_ / 2 + 2 > slots_.size()) {
        const std::vector<Slot> before = std::exchange(slots_, {});
        make_slots(2 * pairs_);
        for (const Slot& slot : before)
            if (slot.left != -1) slots_[slot_of(slot.left, slot.right)] = slot;
    }
    Slot& slot = slots_[slot_of(left, right)];
    pairs_ += slot.left == -1;
    slot = {left, right, rank};
    joined_.resize(rank + 1, -1);
    joined_[rank] = joined;
}

void MergeList::add(std::string_view left, std::string_view right) {
    constexpr size_t kBits = 7;
    for (const std::string_view text : {left, right}) {
        size_t length = text.size();
        for (; length >> kBits != 0; length >>= kBits) pool_ += static_cast<char>(0x80 | (length & 0x7f));
        pool_ += static_cast<char>(length);
        pool_ += text;
    }
    ++size_;
}

std::string_view MergeList::text_at(size_t& at) const {
    size_t length = 0;
    for (unsigned shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(pool_[at++]);
        length |= size_t{byte & 0x7fu} << shift;
        if (byte < 0x80) break;
    }
    const std::string_view text = std::string_view(pool_).substr(at, length);
    at += length;
    return text;
}

void merge_symbols(const MergeTable& merges, std::vector<Symbol>& symbols) {
    if (symbols.size() < 2) return;
    if (symbols.size() <= kScanned) return merge_by_scanning(merges, symbols);
    for (size_t i = 0; i < symbols.size(); ++i) {
        symbols[i].prev = static_cast<int32_t>(i) - 1;
        symbols[i].next = i + 1 < symbols.size() ? static_cast<int32_t>(i) + 1 : -1;
    }
    if (symbols.size() <= kHeaped)
        merge_with(HeapQueue(merges), merges, symbols);
    else
        merge_with(RankQueue(merges), merges, symbols);
}

}   // namespace llmft
