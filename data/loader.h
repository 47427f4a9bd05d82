// Examples into micro-batches and windows.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "data/dataset.h"
#include "engine/train/batch.h"

namespace llmft {

enum class ExampleOrder { kFile, kShuffled };

struct LoaderOptions {
    int64_t examples_per_batch;   // per_device_train_batch_size
    int64_t batches_per_window;   // the batches that make one step
    int64_t
        tokens_per_microbatch;   // at most; an example longer than it is an InternalError: plan for longest_example()
    ExampleOrder order;
    int64_t seed;   // epoch e is ordered by random_permutation(n, seed + e), as accelerate's sampler does
};

// What to plan for.
struct LoaderShape {
    int64_t longest_example = 0;   // tokens
    int64_t tokens_per_epoch = 0;
    int64_t loss_tokens_per_epoch = 0;
    int64_t window_tokens_bound = 0;   // no window has more
};
LoaderShape loader_shape(const std::vector<Example>& examples, int64_t examples_per_window);

// Windows of examples_per_batch · batches_per_window examples; the last of an epoch may be shorter. HostBatch.example
// is the example's place in its epoch's order. The examples must outlive the loader. window() may be called from
// several threads.
class Loader : public BatchSource {
public:
    Loader(const std::vector<Example>& examples, const LoaderOptions& options);
    int64_t windows_per_epoch() const override;
    Window window(int64_t step) const override;

private:
    int64_t examples_per_window() const { return options_.examples_per_batch * options_.batches_per_window; }
    std::vector<int64_t> places(int64_t epoch, int64_t first, int64_t count) const;

    const std::vector<Example>& examples_;
    LoaderOptions options_;
    mutable std::mutex mutex_;   // guards the epoch's order kept here
    mutable int64_t ordered_epoch_ = -1;
    mutable std::vector<int64_t> order_;
};

// All examples once, in file order, in micro-batches of at most tokens_per_microbatch tokens.
class EvaluationSource {
public:
    EvaluationSource(const std::vector<Example>& examples, int64_t tokens_per_microbatch);
    int64_t micro_batches() const { return static_cast<int64_t>(first_.size()) - 1; }
    HostBatch micro_batch(int64_t index) const;

private:
    const std::vector<Example>& examples_;
    std::vector<int64_t> first_;   // (micro-batches + 1) first example of each, then their number
};

}   // namespace llmft
