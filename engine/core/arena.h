// Planned memory of one device. Two kinds of room, both with a name for every byte:
//   persistent slots   taken while a run is set up, kept to its end: weights, gradients, optimizer state, batch slots
//   the stack          taken inside a step under a Mark, given back in reverse order by scope: activations, scratch
// The capacity comes from running the same code on the dry device, so nothing is allocated in a step and too little
// memory is an error before step one. What a second stream touches must be a persistent slot: the stack belongs to one
// stream.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/core/device.h"

namespace llmft {

class Arena {
public:
    // capacity < 0: without bound (only on the dry device).
    Arena(Device& device, int64_t capacity);
    ~Arena();
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    // A zeroed slot. ld ≥ cols elements a row; 0 means cols. The name is copied.
    Tensor persistent(std::string_view name, DType dtype, int64_t rows, int64_t cols, int64_t ld = 0);
    // Uninitialised room until the innermost Mark ends. Throws OutOfMemory that names the tensor, its shape and the
    // flag that would help. No persistent slot may be taken while any stack room is out.
    Tensor take(std::string_view name, DType dtype, int64_t rows, int64_t cols, int64_t ld = 0);

    class Mark {
    public:
        explicit Mark(Arena& arena) : arena_(&arena), live_(arena.live_.size()), used_(arena.used_) {}
        Mark(Mark&& other) noexcept
            : arena_(std::exchange(other.arena_, nullptr)), live_(other.live_), used_(other.used_) {}
        Mark& operator=(Mark&&) = delete;
        ~Mark() {
            if (arena_) arena_->release(live_, used_);
        }

    private:
        Arena* arena_;   // null: given away
        size_t live_;
        int64_t used_;
    };

    int64_t used_bytes() const { return used_; }
    int64_t peak_bytes() const { return peak_; }
    int64_t persistent_bytes() const { return persistent_bytes_; }

    struct Row {
        std::string name;
        int64_t bytes = 0;
        int64_t count = 0;   // allocations of this name alive at the peak
    };
    // What lay in the arena when it was fullest, by name, in order of first allocation; the sum is peak_bytes().
    std::vector<Row> rows_at_peak() const;

private:
    struct Live {
        const std::string* name;
        int64_t bytes;
    };
    Tensor allocate(std::string_view name, DType dtype, int64_t rows, int64_t cols, int64_t ld);
    const std::string* intern(std::string_view name);
    void release(size_t live, int64_t used) noexcept;

    Device& device_;
    int64_t capacity_;
    std::byte* base_ = nullptr;
    int64_t used_ = 0;
    int64_t peak_ = 0;
    int64_t persistent_bytes_ = 0;
    std::vector<Live> live_;
    std::vector<Live> at_peak_;
    bool peak_is_live_ = true;   // nothing was released since the peak: live_ is the picture
    std::deque<std::string> names_;
    std::unordered_map<std::string_view, const std::string*> interned_;
};

}   // namespace llmft
