#include "engine/log/metrics.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

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
    if (r.skipped) line["skipped"] = *r.skipped;
    if (r.eval_loss) {
        line["eval_loss"] = *r.eval_loss;
        line["eval_mean_token_accuracy"] = *r.eval_mean_token_accuracy;
        line["eval_num_tokens"] = r.eval_num_tokens;
    }
    return line;
}

StepRecord metrics_record(const JsonField& line) {
    constexpr double kMost = std::numeric_limits<double>::max();
    const auto number = [&](const char* key) {
        const auto field = line.find(key);
        return field ? field->number(-kMost, kMost) : std::numeric_limits<double>::quiet_NaN();
    };
    const auto count = [&](const char* key) { return line.at(key).integer(0, INT64_MAX); };
    StepRecord r;
    r.step = count("step");
    r.epoch = number("epoch");
    r.loss = number("loss");
    r.grad_norm = number("grad_norm");
    r.learning_rate = number("learning_rate");
    r.num_tokens = count("num_tokens");
    r.tokens_per_second = number("tokens_per_second");
    r.mean_token_accuracy = number("mean_token_accuracy");
    r.step_ms = number("step_ms");
    if (const auto skipped = line.find("skipped")) r.skipped = skipped->text();
    if (line.find("eval_num_tokens")) {
        r.eval_loss = number("eval_loss");
        r.eval_mean_token_accuracy = number("eval_mean_token_accuracy");
        r.eval_num_tokens = count("eval_num_tokens");
    }
    return r;
}

namespace {

int open_to_append(const Path& path) {
    for (;;) {
        const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (fd >= 0 || errno != EINTR) return fd;
    }
}

}   // namespace

MetricsWriter::MetricsWriter(const Path& path, int64_t keep) : path_(path), file_(open_to_append(path)), bytes_(keep) {
    if (!file_) fail_writing(path, "open", errno);
    struct stat status = {};
    if (fstat(file_.get(), &status) != 0) fail_writing(path, "open", errno);
    while (status.st_size != keep && ftruncate(file_.get(), keep) != 0)
        if (errno != EINTR) fail_writing(path, "cannot be cut", errno);
}

void MetricsWriter::write(const StepRecord& record) {
    const std::string line = json_line(metrics_json(record));
    write_all(file_.get(), std::as_bytes(std::span(line)), path_);
    bytes_ += static_cast<int64_t>(line.size());
}

int64_t MetricsWriter::sync() {
    sync_file(file_.get(), path_);
    return bytes_;
}

namespace {

// `text` ends with a newline, or is empty.
std::vector<StepRecord> records_of(std::string_view text, const Path& path) {
    std::vector<StepRecord> records;
    for (size_t at = 0; at < text.size();) {
        const size_t end = text.find('\n', at);
        const Json line = parse_json(text.substr(at, end - at), path.string(), JsonLimits{});
        records.push_back(metrics_record(JsonField(line, path.string(), "")));
        at = end + 1;
    }
    return records;
}

}   // namespace

std::vector<StepRecord> read_metrics(const Path& path) {
    const std::string text = read_file(path, INT64_MAX);
    return records_of(std::string_view(text).substr(0, text.rfind('\n') + 1), path);
}

std::optional<std::vector<StepRecord>> read_metrics(const Path& path, int64_t bytes, int64_t last) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error && error != std::errc::no_such_file_or_directory)
        throw std::filesystem::filesystem_error("", path, error);
    if (error || static_cast<int64_t>(size) < bytes) return std::nullopt;
    std::vector<StepRecord> records;
    try {
        const std::string text = read_file(path, INT64_MAX).substr(0, static_cast<size_t>(bytes));
        if (!text.empty() && text.back() != '\n') return std::nullopt;
        records = records_of(text, path);
    } catch (const UserError& refused) {
        if (refused.kind() == "PATH") throw;   // what it holds is not known, and must not be thrown away
        return std::nullopt;
    }
    for (size_t i = 0; i < records.size(); ++i)
        if (records[i].step != static_cast<int64_t>(i) + 1) return std::nullopt;
    if (static_cast<int64_t>(records.size()) != last) return std::nullopt;
    return records;
}

}   // namespace llmft
