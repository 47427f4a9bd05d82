#include "model/objective/objective.h"

namespace llmft {
namespace {

class Sft final : public Objective {
public:
    Head head() const override { return Head::kFused; }
    void d_logp(const LogProbs&, const Batch&, const Tensor&, Run&) const override {
        throw InternalError("sft: its gradient needs no log-probabilities");
    }
};

}   // namespace

const Objective& sft() {
    static const Sft objective;
    return objective;
}

}   // namespace llmft
