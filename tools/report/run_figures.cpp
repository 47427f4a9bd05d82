#include "tools/report/run_figures.h"

#include <cmath>

#include "engine/core/median.h"

namespace llmft {
namespace {

void lower(std::optional<CurvePoint>& best, const CurvePoint& point) {
    if (std::isfinite(point.y) && (!best || point.y < best->y)) best = point;
}

}   // namespace

RunFigures figures_of(const std::vector<StepRecord>& records) {
    RunFigures run = {.steps = static_cast<int64_t>(records.size())};
    std::vector<double> rates;
    for (const StepRecord& r : records) {
        const auto step = static_cast<double>(r.step);
        run.loss = r.loss;
        run.tokens = r.num_tokens;
        if (std::isfinite(r.step_ms)) run.seconds += r.step_ms / 1000;
        if (std::isfinite(r.tokens_per_second)) rates.push_back(r.tokens_per_second);
        run.losses.push_back({.x = step, .y = r.loss});
        if (!r.skipped) lower(run.best_loss, run.losses.back());
        if (!r.eval_loss) continue;
        run.eval_loss = r.eval_loss;
        run.evaluations.push_back({.x = step, .y = *r.eval_loss});
        lower(run.best_eval_loss, run.evaluations.back());
    }
    if (!rates.empty()) run.tokens_per_second = median(std::move(rates));
    return run;
}

}   // namespace llmft
