#include "tools/step_limit.h"

#include <sys/resource.h>

#include "tools/doctor/measure.h"

namespace llmft {

double measured_gflops(GemmEngine engine, DType dtype) {
    rlimit space = {};
    if (getrlimit(RLIMIT_AS, &space) != 0 || space.rlim_cur != RLIM_INFINITY) return 0;
    return measure_products(engine, dtype, {.side = 512, .seconds = 0.03}).gflops;
}

double limit_tokens_per_second(const Plan& plan, const LoaderShape& data, double gflops) {
    const double loss_share = data.tokens_per_epoch == 0 ? 1
                                                         : static_cast<double>(data.loss_tokens_per_epoch) /
                                                               static_cast<double>(data.tokens_per_epoch);
    double flops = 0;
    for (const Profile::Row& row : plan.ops)
        if (row.op == "gemm") flops += row.cost.flops * (row.range == "head" ? loss_share : 1);
    return gflops * 1e9 * static_cast<double>(plan.tokens) / flops;
}

}   // namespace llmft
