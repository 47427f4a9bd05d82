#include "engine/train/run_state.h"

#include <cmath>
#include <limits>

#include "engine/io/json_field.h"
#include "engine/log/metrics.h"

namespace llmft {
namespace {

constexpr double kMost = std::numeric_limits<double>::max();

int64_t count(const JsonField& root, const char* key) {
    return root.at(key).integer(0, INT64_MAX - 1);
}

std::optional<int64_t> optional_step(const JsonField& root, const char* key) {
    const auto field = root.find(key);
    return field ? std::optional(field->integer(0, INT64_MAX - 1)) : std::nullopt;
}

template <class T>
OrderedJson or_null(const std::optional<T>& value) {
    return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

}   // namespace

void BestEvaluation::add(int64_t at_step, double loss) {
    if (std::isfinite(loss) && (!step || loss < value))
        *this = {.step = at_step, .value = loss, .without_gain = 0};
    else
        ++without_gain;
}

void write_run_state(const Path& folder, const RunState& state) {
    OrderedJson json = {{"global_step", state.loop.step},
                        {"num_input_tokens_seen", state.loop.num_tokens},
                        {"skipped_steps", state.loop.skipped},
                        {"skipped_in_a_row", state.loop.skipped_in_a_row},
                        {"best_global_step", or_null(state.best.step)},
                        {"best_metric", state.best.value},
                        {"evaluations_without_gain", state.best.without_gain},
                        {"best_checkpoint_step", or_null(state.best_saved.step)},
                        {"best_checkpoint_metric", state.best_saved.value},
                        {"metrics_bytes", state.metrics_bytes}};
    // A step that was taken and waits for its evaluation: its line of metrics.jsonl.
    if (state.loop.pending) json["pending"] = metrics_json(*state.loop.pending);
    constexpr int kIndent = 2;
    write_file(folder / kRunStateName, json.dump(kIndent) + "\n");
}

RunState read_run_state(const Path& folder) {
    const Path path = folder / kRunStateName;
    const Json json = parse_json_file(path, JsonLimits{});
    const JsonField root(json, path.string(), "");
    RunState state;
    state.loop.step = count(root, "global_step");
    state.loop.num_tokens = count(root, "num_input_tokens_seen");
    state.loop.skipped = count(root, "skipped_steps");
    state.loop.skipped_in_a_row = count(root, "skipped_in_a_row");
    if (const auto line = root.find("pending")) state.loop.pending = metrics_record(*line);
    state.best.step = optional_step(root, "best_global_step");
    state.best.value = root.at("best_metric").number(-kMost, kMost);
    state.best.without_gain = count(root, "evaluations_without_gain");
    state.best_saved.step = optional_step(root, "best_checkpoint_step");
    state.best_saved.value = root.at("best_checkpoint_metric").number(-kMost, kMost);
    state.metrics_bytes = count(root, "metrics_bytes");
    return state;
}

}   // namespace llmft
