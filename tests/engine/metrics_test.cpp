#include "engine/log/metrics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/base/error.h"
#include "tests/harness/temp_folder.h"

namespace llmft {
namespace {

StepRecord record(int64_t step) {
    return {.step = step,
            .epoch = 0.1 * static_cast<double>(step),
            .loss = 2.0 / 3.0,
            .grad_norm = 1e-9 / 7,
            .learning_rate = 2e-4 / 3,
            .num_tokens = (int64_t{1} << 53) + 1,
            .tokens_per_second = 12345.678901234567,
            .mean_token_accuracy = 0.1,
            .step_ms = 1.0 / 3,
            .eval_loss = {},
            .eval_mean_token_accuracy = {}};
}

TEST_CASE("metrics.jsonl holds one line a step whose numbers read back as they were") {
    const test::TempFolder folder;
    const Path path = folder.write("metrics.jsonl", "of a run before\n");
    MetricsWriter writer(path, 0);
    for (int64_t step = 1; step <= 3; ++step) {
        writer.write(record(step));
        const std::string text = read_file(path, 1 << 20);   // whole lines are there at once
        CHECK(std::count(text.begin(), text.end(), '\n') == step);
        REQUIRE(text.back() == '\n');
        const size_t start = text.find_last_of('\n', text.size() - 2);
        const Json line = parse_json(text.substr(start == std::string::npos ? 0 : start + 1), "line", {});
        const StepRecord want = record(step);
        CHECK(line.at("step") == step);
        CHECK(line.at("num_tokens").get<int64_t>() == want.num_tokens);
        CHECK(line.at("epoch").get<double>() == want.epoch);
        CHECK(line.at("loss").get<double>() == want.loss);
        CHECK(line.at("grad_norm").get<double>() == want.grad_norm);
        CHECK(line.at("learning_rate").get<double>() == want.learning_rate);
        CHECK(line.at("tokens_per_second").get<double>() == want.tokens_per_second);
        CHECK(line.at("mean_token_accuracy").get<double>() == want.mean_token_accuracy);
        CHECK(line.at("step_ms").get<double>() == want.step_ms);
        CHECK(line.size() == 9);
    }
}

TEST_CASE("evaluation figures stand in the line of the step that they follow, and only there") {
    StepRecord evaluated = record(1);
    evaluated.eval_loss = 1.5;
    evaluated.eval_mean_token_accuracy = 0.25;
    evaluated.eval_num_tokens = 99;
    const OrderedJson line = metrics_json(evaluated);
    CHECK(line.at("eval_loss") == 1.5);
    CHECK(line.at("eval_mean_token_accuracy") == 0.25);
    CHECK(line.at("eval_num_tokens") == 99);
    CHECK_FALSE(metrics_json(record(1)).contains("eval_loss"));
}

TEST_CASE("metrics that find no room or no folder are errors that name the file") {
    const test::TempFolder folder;
    CHECK_THROWS_WITH_AS(MetricsWriter(folder.path() / "absent" / "metrics.jsonl", 0),
                         doctest::Contains("metrics.jsonl"), UserError);
    MetricsWriter full("/dev/full", 0);
    CHECK_THROWS_WITH_AS(full.write(record(1)), doctest::Contains("/dev/full"), DiskFull);
}

}   // namespace
TEST_CASE("metrics read back as they were written, up to a byte, and go on there") {
    const test::TempFolder folder;
    const Path path = folder.path() / "metrics.jsonl";
    std::vector<int64_t> sizes;
    {
        MetricsWriter writer(path, 0);
        for (int64_t step = 1; step <= 4; ++step) {
            StepRecord r = record(step);
            if (step == 2) r.eval_loss = 0.1, r.eval_mean_token_accuracy = 0.2, r.eval_num_tokens = 5;
            if (step == 3) r.skipped = "the loss is NaN", r.loss = std::numeric_limits<double>::quiet_NaN();
            writer.write(r);
            sizes.push_back(writer.sync());
        }
    }
    const auto records = read_metrics(path, sizes[2], 3);
    REQUIRE(records);
    REQUIRE(records->size() == 3);
    for (size_t i = 0; i < 3; ++i) {
        CHECK((*records)[i].step == static_cast<int64_t>(i + 1));
        CHECK((*records)[i].num_tokens == record(1).num_tokens);
        CHECK((*records)[i].step_ms == record(1).step_ms);
    }
    CHECK((*records)[1].eval_loss == 0.1);
    CHECK((*records)[2].skipped == "the loss is NaN");
    CHECK(std::isnan((*records)[2].loss));
    CHECK_FALSE(read_metrics(path, sizes[2], 4));       // ends with another step
    CHECK_FALSE(read_metrics(path, sizes[2] - 1, 3));   // inside a line
    CHECK_FALSE(read_metrics(path, sizes[3] + 1, 4));   // shorter than that
    MetricsWriter writer(path, sizes[0]);
    writer.write(record(2));
    CHECK(writer.sync() == static_cast<int64_t>(std::filesystem::file_size(path)));
    CHECK(read_metrics(path, writer.sync(), 2));
}

}   // namespace llmft
