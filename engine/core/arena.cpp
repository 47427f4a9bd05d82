#include "engine/core/arena.h"

#include <fmt/format.h>

namespace llmft {

Arena::Arena(Device& device, int64_t capacity) : device_(device), capacity_(capacity) {
    if (capacity < 0 && device.kind() != DeviceKind::kDry)
        throw InternalError("arena: only the dry device is without bound");
    live_.reserve(4096);
    at_peak_.reserve(4096);
    base_ =
        static_cast<std::byte*>(device.allocate(capacity < 0 ? 0 : capacity));   // last: nothing frees it on a throw
}

Arena::~Arena() {
    device_.free(base_, capacity_ < 0 ? 0 : capacity_);
}

const std::string* Arena::intern(std::string_view name) {
    if (const auto found = interned_.find(name); found != interned_.end()) return found->second;
    names_.emplace_back(name);
    interned_.emplace(names_.back(), &names_.back());
    return &names_.back();
}

Tensor Arena::allocate(std::string_view name, DType dtype, int64_t rows, int64_t cols, int64_t ld) {
    ld = ld == 0 ? cols : ld;
    if (rows < 0 || cols < 0 || ld < cols)
        throw InternalError(fmt::format("arena: {} ({}, {}) ld {}: not a shape", name, rows, cols, ld));
    int64_t bytes = 0;
    if (__builtin_mul_overflow(rows, ld, &bytes) || __builtin_mul_overflow(bytes, size_bytes(dtype), &bytes))
        throw OutOfMemory(
            fmt::format("{} ({}, {}) {}: the size does not fit 64 bits", name, rows, ld, llmft::name(dtype)));
    bytes = (bytes + Device::kAlignment - 1) / Device::kAlignment * Device::kAlignment;
    if (capacity_ >= 0 && bytes > capacity_ - used_)
        throw OutOfMemory(
            fmt::format("arena: {} ({}, {}) {} needs {} bytes, {} of {} free; lower --tokens-per-microbatch", name,
                        rows, ld, llmft::name(dtype), bytes, capacity_ - used_, capacity_));
    const std::string* known = intern(name);
    const Tensor t = {.data = base_ + used_,
                      .dtype = dtype,
                      .rows = rows,
                      .cols = cols,
                      .ld = ld,
                      .device = device_.kind(),
                      .name = known->c_str()};
    used_ += bytes;
    live_.push_back({known, bytes});
    if (used_ > peak_) {
        peak_ = used_;
        peak_is_live_ = true;
    }
    return t;
}

Tensor Arena::persistent(std::string_view name, DType dtype, int64_t rows, int64_t cols, int64_t ld) {
    if (used_ != persistent_bytes_)
        throw InternalError(fmt::format("arena: persistent {} asked for inside a step", name));
    const Tensor t = allocate(name, dtype, rows, cols, ld);
    persistent_bytes_ = used_;
    return t;
}

Tensor Arena::take(std::string_view name, DType dtype, int64_t rows, int64_t cols, int64_t ld) {
    return allocate(name, dtype, rows, cols, ld);
}

void Arena::release(size_t live, int64_t used) noexcept {
    if (peak_is_live_ && used_ == peak_ && live_.size() > live) {
        at_peak_ = live_;
        peak_is_live_ = false;
    }
    live_.resize(live);
    used_ = used;
}

std::vector<Arena::Row> Arena::rows_at_peak() const {
    std::vector<Row> rows;
    std::unordered_map<const std::string*, size_t> place;
    for (const Live& live : peak_is_live_ ? live_ : at_peak_) {
        const auto [at, is_new] = place.emplace(live.name, rows.size());
        if (is_new) rows.push_back({.name = *live.name});
        rows[at->second].bytes += live.bytes;
        rows[at->second].count += 1;
    }
    return rows;
}

}   // namespace llmft
