#include "data/loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "data/order.h"
#include "kernels/base/error.h"

namespace llmft::test {
namespace {

using Ids = std::vector<int32_t>;

// Example i has lengths[i] tokens, all of them i; every token but the first is learned.
std::vector<Example> examples(const std::vector<int>& lengths) {
    std::vector<Example> all;
    for (size_t i = 0; i < lengths.size(); ++i) {
        const Ids ids(static_cast<size_t>(lengths[i]), static_cast<int32_t>(i));
        all.push_back({.ids = ids, .labels = ids, .row = static_cast<int64_t>(i)});
    }
    return all;
}

LoaderOptions in_file_order(int64_t batch, int64_t batches, int64_t tokens) {
    return {.examples_per_batch = batch,
            .batches_per_window = batches,
            .tokens_per_microbatch = tokens,
            .order = ExampleOrder::kFile,
            .seed = 0};
}

TEST_CASE("a micro-batch is a flat run of documents with targets one place on") {
    const std::vector<Example> all{{.ids = {5, 6, 7}, .labels = {5, kNoLoss, 7}, .row = 0},
                                   {.ids = {8, 9}, .labels = {8, 9}, .row = 1}};
    const Window window = Loader(all, in_file_order(2, 1, 8)).window(0);
    REQUIRE(window.micro_batches.size() == 1);
    const HostBatch& batch = window.micro_batches[0];
    CHECK(batch.ids == Ids{5, 6, 7, 8, 9});
    CHECK(batch.positions == Ids{0, 1, 2, 0, 1});
    CHECK(batch.targets == Ids{kNoLoss, 7, kNoLoss, 9, kNoLoss});
    CHECK(batch.example == Ids{0, 0, 0, 1, 1});
    CHECK(batch.cu_seqlens == Ids{0, 3, 5});
    CHECK(window.examples == 2);
    CHECK(window.input_tokens == 5);
}

TEST_CASE("examples fill micro-batches in order, none empty, none beyond its tokens") {
    const std::vector<Example> all = examples({4, 4, 1, 8, 3, 2, 2, 1});
    const Window window = Loader(all, in_file_order(8, 1, 8)).window(0);
    std::vector<int64_t> sizes;
    for (const HostBatch& batch : window.micro_batches) sizes.push_back(batch.tokens());
    CHECK(sizes == std::vector<int64_t>{8, 1, 8, 8});
    CHECK_THROWS_AS(Loader(all, in_file_order(8, 1, 7)), InternalError);
}

TEST_CASE("the last window of an epoch is shorter and epochs follow one another") {
    const std::vector<Example> all = examples({1, 2, 3, 4, 5, 6, 7});
    const Loader loader(all, in_file_order(2, 2, 100));
    CHECK(loader.windows_per_epoch() == 2);
    CHECK(loader.window(0).examples == 4);
    CHECK(loader.window(1).examples == 3);
    CHECK(loader.window(1).input_tokens == 18);
    CHECK(loader.window(0).epoch == 0.5);   // two batches of four
    CHECK(loader.window(1).epoch == 1.0);
    CHECK(loader.window(2).epoch == 1.5);
    CHECK(loader.window(2).micro_batches[0].ids == loader.window(0).micro_batches[0].ids);
}

TEST_CASE("shuffled epochs follow random_permutation of seed + epoch, whatever order windows are asked in") {
    const std::vector<Example> all = examples({1, 1, 1, 1, 1});
    LoaderOptions options = in_file_order(2, 1, 1);
    options.order = ExampleOrder::kShuffled;
    options.seed = 42;
    const Loader loader(all, options);
    for (const int64_t step : {int64_t{7}, int64_t{0}, int64_t{4}, int64_t{2}, int64_t{1}, int64_t{7}}) {
        const std::vector<int64_t> order = random_permutation(5, 42 + step / 3);
        const Window window = loader.window(step);
        REQUIRE(static_cast<int64_t>(window.micro_batches.size()) == window.examples);
        for (int64_t i = 0; i < window.examples; ++i) {
            const int64_t place = step % 3 * 2 + i;
            CHECK(window.micro_batches[static_cast<size_t>(i)].ids[0] == order[static_cast<size_t>(place)]);
            CHECK(window.micro_batches[static_cast<size_t>(i)].example[0] == place);
        }
    }
}

TEST_CASE("grouping into micro-batches changes no token, target or place") {
    const std::vector<Example> all = examples({4, 4, 1, 8, 3, 2, 2, 1});
    const auto flat = [&](int64_t tokens) {
        Ids run;
        for (const HostBatch& batch : Loader(all, in_file_order(4, 2, tokens)).window(0).micro_batches)
            for (const Ids* part : {&batch.ids, &batch.targets, &batch.example})
                run.insert(run.end(), part->begin(), part->end());
        std::sort(run.begin(), run.end());
        return run;
    };
    CHECK(flat(8) == flat(1000));
}

TEST_CASE("the shape to plan for bounds every window") {
    const std::vector<Example> all = examples({4, 4, 1, 8, 3, 2, 2, 1});
    const LoaderShape shape = loader_shape(all, 3);
    CHECK(shape.longest_example == 8);
    CHECK(shape.tokens_per_epoch == 25);
    CHECK(shape.loss_tokens_per_epoch == 17);
    CHECK(shape.window_tokens_bound == 16);
    CHECK(loader_shape(all, 100).window_tokens_bound == 25);
}

TEST_CASE("evaluation goes through all examples once in file order") {
    const std::vector<Example> all = examples({4, 4, 1, 8});
    const EvaluationSource source(all, 8);
    REQUIRE(source.micro_batches() == 3);
    CHECK(source.micro_batch(0).documents() == 2);
    CHECK(source.micro_batch(1).ids == Ids{2});
    CHECK(source.micro_batch(2).example == Ids(8, 3));
    CHECK(EvaluationSource({}, 8).micro_batches() == 0);
}

}   // namespace
}   // namespace llmft::test
