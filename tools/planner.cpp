#include "tools/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "tools/sheet.h"

namespace llmft {
namespace {

constexpr int64_t kAutoTokens = 1024;   // products are at full speed from here on; more only costs memory

Recompute policy_named(const std::string& name) {
    if (name == "none") return Recompute::kNone;
    if (name == "ffn") return Recompute::kFfn;
    return Recompute::kFull;
}

// Tries one shape; true if it fits.
class Search {
public:
    explicit Search(const PlanRequest& request) : request_(request) {}

    bool fits(int64_t tokens, const std::vector<Recompute>& recompute) {
        chosen_.shape = request_.shape;
        chosen_.shape.tokens = tokens;
        chosen_.shape.recompute = recompute;
        chosen_.plan =
            plan_session(request_.config, chosen_.shape, std::min(tokens, request_.longest_document), request_.tuning);
        chosen_.fits = chosen_.plan.peak_bytes <= request_.limit_bytes;
        return chosen_.fits;
    }

    // The fewest layers under `strong`, the rest under `weak`; false if not even all of them fit.
    bool fewest(int64_t tokens, Recompute weak, Recompute strong) {
        const auto layers = static_cast<size_t>(request_.config.num_hidden_layers);
        const auto mixed = [&](size_t count) {
            std::vector<Recompute> policy(layers, weak);
            std::fill_n(policy.begin(), count, strong);
            return policy;
        };
        if (!fits(tokens, mixed(layers))) return false;
        size_t low = 0, high = layers;   // `high` fits
        while (low < high) {
            const size_t middle = (low + high) / 2;
            if (fits(tokens, mixed(middle)))
                high = middle;
            else
                low = middle + 1;
        }
        return fits(tokens, mixed(high));
    }

    bool any(int64_t tokens) {
        const auto layers = static_cast<size_t>(request_.config.num_hidden_layers);
        if (request_.gradient_checkpointing != "auto")
            return fits(tokens, std::vector<Recompute>(layers, policy_named(request_.gradient_checkpointing)));
        return fits(tokens, std::vector<Recompute>(layers, Recompute::kNone)) ||
               fewest(tokens, Recompute::kNone, Recompute::kFfn) || fewest(tokens, Recompute::kFfn, Recompute::kFull);
    }

    const ChosenPlan& chosen() const { return chosen_; }

private:
    const PlanRequest& request_;
    ChosenPlan chosen_;
};

}   // namespace

ChosenPlan choose_plan(const PlanRequest& request) {
    Search search(request);
    const bool automatic = request.tokens_per_microbatch == 0;
    const int64_t wanted = std::min(request.window_tokens, automatic ? kAutoTokens : request.tokens_per_microbatch);
    const int64_t tokens = std::max(wanted, request.longest_document);
    if (!search.any(tokens) && automatic && tokens > request.longest_document) search.any(request.longest_document);
    return search.chosen();
}

void expect_fits(const ChosenPlan& chosen, int64_t limit_bytes) {
    if (chosen.fits) return;
    std::vector<Arena::Row> rows = chosen.plan.memory;
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
    std::string largest;
    for (size_t i = 0; i < std::min<size_t>(3, rows.size()); ++i)
        largest += fmt::format("{}{} {}", i ? ", " : "", rows[i].name, bytes_text(rows[i].bytes));
    throw OutOfMemory(fmt::format(
        "the plan needs {} and may fill {} (largest: {}); lower --max-seq-length or --tokens-per-microbatch, or "
        "set --gradient-checkpointing full or --dtype bf16",
        bytes_text(chosen.plan.peak_bytes), bytes_text(limit_bytes), largest));
}

int64_t longest_context(PlanRequest request) {
    const auto fits = [&](int64_t tokens) {
        request.longest_document = tokens;
        Search search(request);
        return search.fits(
            tokens, std::vector<Recompute>(static_cast<size_t>(request.config.num_hidden_layers), Recompute::kFull));
    };
    const int64_t most = request.config.max_position_embeddings;
    if (fits(most)) return most;
    int64_t low = 0, high = 1;   // low fits
    while (high < most && fits(high)) low = high, high *= 2;
    high = std::min(high, most);
    while (high - low > std::max<int64_t>(1, low / 64)) {
        const int64_t middle = (low + high) / 2;
        (fits(middle) ? low : high) = middle;
    }
    return low;
}

}   // namespace llmft
