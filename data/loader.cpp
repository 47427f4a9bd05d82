#include "data/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "data/order.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

int64_t tokens_of(const Example& example) {
    return static_cast<int64_t>(example.ids.size());
}

// A document more: targets are the labels one place on.
void append(HostBatch& batch, const Example& example, int64_t place) {
    if (batch.cu_seqlens.empty()) batch.cu_seqlens.push_back(0);
    const size_t before = batch.ids.size(), count = example.ids.size();
    batch.ids.insert(batch.ids.end(), example.ids.begin(), example.ids.end());
    batch.positions.resize(before + count);
    std::iota(batch.positions.begin() + static_cast<int64_t>(before), batch.positions.end(), 0);
    batch.targets.insert(batch.targets.end(), example.labels.begin() + 1, example.labels.end());
    batch.targets.push_back(kNoLoss);
    batch.example.insert(batch.example.end(), count, static_cast<int32_t>(place));
    batch.cu_seqlens.push_back(static_cast<int32_t>(batch.ids.size()));
    batch.rows.push_back(example.row);
}

void expect_fits(const Example& example, int64_t tokens_per_microbatch) {
    if (tokens_of(example) >= 1 && tokens_of(example) <= tokens_per_microbatch) return;
    throw InternalError(fmt::format("loader: the example of row {} has {} tokens, tokens_per_microbatch is {}",
                                    example.row, tokens_of(example), tokens_per_microbatch));
}

}   // namespace

LoaderShape loader_shape(const std::vector<Example>& examples, int64_t examples_per_window) {
    LoaderShape shape;
    std::vector<int64_t> lengths;
    for (const Example& example : examples) {
        lengths.push_back(tokens_of(example));
        shape.loss_tokens_per_epoch += loss_tokens_of(example);
    }
    std::sort(lengths.begin(), lengths.end(), std::greater<>());
    shape.longest_example = lengths.empty() ? 0 : lengths.front();
    shape.tokens_per_epoch = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
    lengths.resize(static_cast<size_t>(std::min(examples_per_window, static_cast<int64_t>(lengths.size()))));
    shape.window_tokens_bound = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
    return shape;
}

Loader::Loader(const std::vector<Example>& examples, const LoaderOptions& options)
    : examples_(examples), options_(options) {
    if (examples.empty() || options.examples_per_batch < 1 || options.batches_per_window < 1)
        throw InternalError(fmt::format("loader: {} examples, {} per batch, {} batches per window", examples.size(),
                                        options.examples_per_batch, options.batches_per_window));
    for (const Example& example : examples) expect_fits(example, options.tokens_per_microbatch);
}

int64_t Loader::windows_per_epoch() const {
    const auto count = static_cast<int64_t>(examples_.size());
    return (count + examples_per_window() - 1) / examples_per_window();
}

std::vector<int64_t> Loader::places(int64_t epoch, int64_t first, int64_t count) const {
    std::vector<int64_t> chosen(static_cast<size_t>(count));
    std::iota(chosen.begin(), chosen.end(), first);
    if (options_.order == ExampleOrder::kFile) return chosen;
    const std::lock_guard lock(mutex_);
    if (ordered_epoch_ != epoch)
        order_ = random_permutation(static_cast<int64_t>(examples_.size()), options_.seed + epoch);
    ordered_epoch_ = epoch;
    for (int64_t& place : chosen) place = order_[static_cast<size_t>(place)];
    return chosen;
}

Window Loader::window(int64_t step) const {
    const int64_t windows = windows_per_epoch(), epoch = step / windows, index = step % windows;
    const auto count = static_cast<int64_t>(examples_.size());
    const int64_t first = index * examples_per_window();
    Window window;
    window.examples = std::min(examples_per_window(), count - first);
    const int64_t batches = (count + options_.examples_per_batch - 1) / options_.examples_per_batch;
    const int64_t done = std::min(batches, (index + 1) * options_.batches_per_window);
    window.epoch = static_cast<double>(epoch) + static_cast<double>(done) / static_cast<double>(batches);
    int64_t place = first;
    for (const int64_t chosen : places(epoch, first, window.examples)) {
        const Example& example = examples_[static_cast<size_t>(chosen)];
        const bool full = window.micro_batches.empty() ||
                          window.micro_batches.back().tokens() + tokens_of(example) > options_.tokens_per_microbatch;
        if (full) window.micro_batches.emplace_back();
        append(window.micro_batches.back(), example, place++);
        window.input_tokens += tokens_of(example);
    }
    return window;
}

EvaluationSource::EvaluationSource(const std::vector<Example>& examples, int64_t tokens_per_microbatch)
    : examples_(examples), first_{0} {
    int64_t tokens = 0;
    for (size_t i = 0; i < examples.size(); ++i) {
        expect_fits(examples[i], tokens_per_microbatch);
        if (tokens > 0 && tokens + tokens_of(examples[i]) > tokens_per_microbatch) {
            first_.push_back(static_cast<int64_t>(i));
            tokens = 0;
        }
        tokens += tokens_of(examples[i]);
    }
    if (!examples.empty()) first_.push_back(static_cast<int64_t>(examples.size()));
}

HostBatch EvaluationSource::micro_batch(int64_t index) const {
    HostBatch batch;
    for (int64_t i = first_[static_cast<size_t>(index)]; i < first_[static_cast<size_t>(index) + 1]; ++i)
        append(batch, examples_[static_cast<size_t>(i)], i);
    return batch;
}

}   // namespace llmft
