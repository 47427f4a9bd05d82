#include "engine/log/metrics.h"

#include <fcntl.h>

#include <cerrno>

namespace llmft {

OrderedJson metrics_json(const StepRecord& r) {
    OrderedJson line = {{"step", r.step},
                        {"epoch", r.epoch},
                        {"loss", r.loss},
                        {"grad_norm", r.grad_norm},
                        {"learning_rate", r.learning_rate},
                        {"num_tokens", r.num_tokens},
                        {"tokens_per_second", r.tokens_per_second},
                        {"mean_token_accuracy", r.mean_token_accuracy},
                        {"step_ms", r.step_ms}};
    if (r.eval_loss) {
        line["eval_loss"] = *r.eval_loss;
        line["eval_mean_token_accuracy"] = *r.eval_mean_token_accuracy;
        line["eval_num_tokens"] = r.eval_num_tokens;
    }
    return line;
}

MetricsWriter::MetricsWriter(const Path& path)
    : path_(path), file_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644)) {
    if (!file_) fail_writing(path, "open", errno);
}

void MetricsWriter::write(const StepRecord& record) {
    const std::string line = json_line(metrics_json(record));
    write_all(file_.get(), std::as_bytes(std::span(line)), path_);
}

}   // namespace llmft
