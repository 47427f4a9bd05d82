#include "engine/core/profile.h"

namespace llmft {

Profile::Op::Op(Profile& profile, const char* op, OpCost cost) : profile_(profile), row_(0) {
    auto& rows = profile.rows_;
    while (row_ < rows.size() && !(rows[row_].op == op && rows[row_].range == profile.range_)) ++row_;
    if (row_ == rows.size()) rows.push_back({.range = profile.range_, .op = op});
    rows[row_].calls += 1;
    rows[row_].cost.flops += cost.flops;
    rows[row_].cost.bytes += cost.bytes;
    if (profile.clock_ == Clock::kOn) start_ = std::chrono::steady_clock::now();
}

Profile::Op::~Op() {
    if (profile_.clock_ == Clock::kOn)
        profile_.rows_[row_].seconds +=
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

}   // namespace llmft
