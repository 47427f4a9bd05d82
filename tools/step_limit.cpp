#include "tools/step_limit.h"

#include <unistd.h>

#include "tools/doctor/measure.h"

namespace llmft {

double limit_tokens_per_second(const PreparedRun& run, const Device& device) {
    if (isatty(STDERR_FILENO) != 1) return 0;
    const Dataset& rows = run.data.train;
    const double loss_share = static_cast<double>(rows.loss_tokens()) / static_cast<double>(rows.tokens());
    double flops = 0;
    for (const Profile::Row& row : run.chosen.plan.ops)
        if (row.op == "gemm") flops += row.cost.flops * (row.range == "head" ? loss_share : 1);
    const ProductSpeed speed =
        measure_products(device.gemm_engine(), run.chosen.shape.dtype, {.side = 512, .seconds = 0.03});
    return speed.gflops * 1e9 / (flops / static_cast<double>(run.chosen.plan.tokens));
}

}   // namespace llmft
