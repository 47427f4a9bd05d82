// quantize: a model folder → the same in bitsandbytes' four bits.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "engine/io/json.h"
#include "engine/io/model_write.h"
#include "engine/log/log.h"
#include "engine/log/progress.h"
#include "engine/log/say.h"
#include "model/adapter/methods.h"
#include "model/quantize.h"
#include "tools/cmd.h"
#include "tools/command_line.h"
#include "tools/flags.h"
#include "tools/open_model.h"
#include "tools/output_folder.h"
#include "tools/session.h"
#include "tools/sheet.h"
#include "tools/signals.h"

namespace llmft {
namespace {

struct QuantizeOptions {
    std::string model;
    std::string output;
    std::string quantization = "nf4";
    bool double_quant = true;
    std::string dtype = "auto";
    std::string device = "auto";
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("model");
        v("model", model, "Hugging Face model folder, or a .gguf file");
        v("output", output, "folder to make: a model that transformers and bitsandbytes load");
        v("quantization", quantization, "four-bit codes of the linears, all but the head", {.one_of = "nf4|fp4"});
        v("double-quant", double_quant, "quantise the scales too, in eight bits");
        v("dtype", dtype, "what everything is rounded to first, and decoded to (auto: as the model has it)",
          {.one_of = "auto|f32|bf16|f16"});
        v("device", device, "weights are encoded on the host, whatever this says", {.one_of = "auto|cpu"});
        v.group("output");
        v("json", json, "one JSON document on stdout");
    }

    std::optional<DType> rounded_to() const {
        if (dtype == "auto") return std::nullopt;
        return dtype == "bf16" ? DType::kBf16 : dtype == "f16" ? DType::kF16 : DType::kF32;
    }
};

// One line that is rewritten on a terminal, a line every few seconds elsewhere.
class ByteProgress {
public:
    void show(int64_t done, int64_t all) {
        using std::chrono::duration, std::chrono::steady_clock;
        const auto now = steady_clock::now();
        const double since = duration<double>(now - shown_).count(), elapsed = duration<double>(now - start_).count();
        if (since < (terminal_ ? 0.2 : 10.0)) return;
        shown_ = now;
        const double rate = static_cast<double>(done) / elapsed;
        const double left = rate > 0 ? static_cast<double>(all - done) / rate : 0;
        say(stderr, "{}{} of {} written  {}/s  {} left{}", terminal_ ? "\r" : "", bytes_text(done), bytes_text(all),
            bytes_text(static_cast<int64_t>(rate)), clock_text(left), terminal_ ? "\x1b[K" : "\n");
        std::fflush(stderr);
        open_ = terminal_;
    }
    ~ByteProgress() {
        if (open_) std::fputs("\n", stderr);
    }
    ByteProgress() = default;
    ByteProgress(const ByteProgress&) = delete;
    ByteProgress& operator=(const ByteProgress&) = delete;

private:
    bool terminal_ = isatty(STDERR_FILENO) == 1;
    bool open_ = false;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(), shown_ = start_;
};

void print_result(const QuantizeOptions& options, const QuantizeResult& r) {
    const double bits = 8 * static_cast<double>(r.linear_bytes) / static_cast<double>(r.linear_parameters);
    if (options.json) {
        fmt::print("{}", json_line({{"output", options.output},
                                    {"quantization", options.quantization},
                                    {"double_quant", options.double_quant},
                                    {"dtype", torch_name(r.dtype)},
                                    {"linears", r.linears},
                                    {"linear_parameters", r.linear_parameters},
                                    {"linear_bytes", r.linear_bytes},
                                    {"bits_per_parameter", bits},
                                    {"parameters", r.parameters},
                                    {"plain_bytes", r.plain_bytes},
                                    {"bytes", r.bytes}}));
        return;
    }
    fmt::print("{} of {} parameters, in {} linears, in {}{}: {:.3f} bits each; the rest as it was\n",
               short_count(r.linear_parameters), short_count(r.parameters), r.linears, options.quantization,
               options.double_quant ? ", doubly quantised" : "", bits);
    fmt::print("{} → {} in {}\n", bytes_text(r.plain_bytes), bytes_text(r.bytes), options.output);
    fmt::print("next: {}\n", command_line({"train", "--model", options.output, "--method", "qlora", "--dataset", "FILE",
                                           "--output-dir", "DIR"}));
}

}   // namespace

int cmd_quantize(const std::vector<std::string>& arguments) {
    QuantizeOptions options;
    Flags flags("quantize", "a model folder → the same in bitsandbytes' four bits");
    flags.add(options);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"model", "output"});

    const auto model = open_model(options.model);
    const ModelConfig config = read_model_config(*model);
    if (config.quantization)
        throw UserError("SCHEMA", model->label("config.json"), "quantization_config", "the model is quantised already",
                        "give the unquantised model");
    const Quantization quantization(quant4_named(options.quantization),
                                    options.double_quant ? DoubleQuant::kYes : DoubleQuant::kNo);
    const auto frozen = make_inference("");
    Session figure(make_dry_device(), -1, config,
                   {.tokens = 1, .recompute = {}, .use = SessionShape::Use::kEvaluate, .quantization = quantization},
                   *frozen);
    install_stop_signals();
    StagedFolder staged(options.output, "--output");
    QuantizeResult result;
    {
        ByteProgress progress;
        const auto on_bytes = [&](int64_t done, int64_t all) {
            if (stop_requested())
                throw Error(ExitCode::kStopped, "STOPPED", "quantize: stopped on request; nothing was written");
            progress.show(done, all);
        };
        result = quantize_model({.base = *model,
                                 .figure = figure.model(),
                                 .dtype = options.rounded_to(),
                                 .output = staged.path(),
                                 .shard_bytes = kShardBytes,
                                 .on_bytes = on_bytes});
    }
    copy_tokenizer_files(*model, staged.path());
    staged.commit();
    log::release();
    print_result(options, result);
    return 0;
}

}   // namespace llmft
