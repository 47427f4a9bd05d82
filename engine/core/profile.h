// What a run did: FLOPs and minimal bytes of every op, and, on a device that computes, its time. The dry run's profile
// is the plan's second half; `--profile` prints the same table with seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/gemm/gemm.h"

namespace llmft {

struct OpCost {
    double flops = 0;   // multiplications and additions, a fused one counts two
    double bytes = 0;   // each operand once: the least that must move
};

class Profile {
public:
    enum class Clock : uint8_t { kOff, kOn };
    explicit Profile(Clock clock) : clock_(clock) {}

    struct Row {
        std::string range = "";   // the innermost Range: "block forward", "head", …
        std::string op;
        int64_t calls = 0;
        OpCost cost = {};
        double seconds = 0;
    };
    const std::vector<Row>& rows() const { return rows_; }

    // The matrix products of a dry run, in their order, without operands: what a step's floor is made of.
    const std::vector<Gemm>& products() const { return products_; }
    void add_product(const Gemm& product) { products_.push_back(product); }

    // Names a stretch of a step; ranges nest, the innermost counts. `name` must outlive the range.
    class Range {
    public:
        Range(Profile& profile, const char* name) : profile_(profile), outer_(profile.range_) { profile.range_ = name; }
        ~Range() { profile_.range_ = outer_; }
        Range(const Range&) = delete;
        Range& operator=(const Range&) = delete;

    private:
        Profile& profile_;
        const char* outer_;
    };

    // One op call; made by engine/ops.
    class Op {
    public:
        Op(Profile& profile, const char* op, OpCost cost);
        ~Op();
        Op(const Op&) = delete;
        Op& operator=(const Op&) = delete;

    private:
        Profile& profile_;
        size_t row_;
        std::chrono::steady_clock::time_point start_;
    };

private:
    Clock clock_;
    const char* range_ = "";
    std::vector<Row> rows_;
    std::vector<Gemm> products_;
};

}   // namespace llmft
