#include "engine/train/nonfinite.h"

#include <fmt/format.h>

#include <cmath>

namespace llmft {
namespace {

std::string rows_text(const HostBatch& batch) {
    constexpr size_t kListed = 8;
    std::string text;
    for (size_t i = 0; i < std::min(batch.rows.size(), kListed); ++i)
        text += fmt::format("{}{}", i == 0 ? "" : ", ", batch.rows[i] + 1);
    if (batch.rows.size() > kListed) text += fmt::format(" and {} more", batch.rows.size() - kListed);
    return text;
}

const char* what_is(double value) {
    return std::isnan(value) ? "NaN" : "infinite";
}

}   // namespace

const Parameter* first_nonfinite_of(const TrainerParts& parts, const Tensor& flat, Run& run) {
    for (const Parameter& p : parts.model.parameters().parameters())
        if (!parts.scale.all_finite(flat.columns(p.offset, p.rows * p.cols), run)) return &p;
    return nullptr;
}

std::string find_nonfinite(const TrainerParts& parts, const Window& window, Run& run) {
    if (const Parameter* p = first_nonfinite_of(parts, parts.model.parameters().values(), run))
        return fmt::format("the weights of {} are not finite", p->name);
    NoSink sink;
    const size_t count = window.micro_batches.size();
    for (size_t i = 0; i < count; ++i) {
        const HostBatch& host = window.micro_batches[i];
        run.device.zero(parts.model.parameters().grads(), run.stream);
        parts.model.forward_backward(parts.slots.upload(host, run), sink, run);
        const Sums sums = parts.model.take_sums(run);
        const std::string where = fmt::format("micro-batch {} of {} (rows {})", i + 1, count, rows_text(host));
        if (!std::isfinite(sums.loss)) return fmt::format("{}: the loss is {}", where, what_is(sums.loss));
        if (const Parameter* p = first_nonfinite_of(parts, parts.model.parameters().grads(), run))
            return fmt::format("{}: the gradient of {} is not finite", where, p->name);
    }
    return "every micro-batch by itself is finite: their sum overflows, or the machine computed wrongly once";
}

}   // namespace llmft
