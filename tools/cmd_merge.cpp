// merge: base + adapters → one model folder, or several adapters → one adapter.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "engine/io/json.h"
#include "engine/log/log.h"
#include "model/adapter/combine.h"
#include "model/adapter/merge.h"
#include "tools/cmd.h"
#include "tools/flags.h"
#include "tools/merge_check.h"
#include "tools/open_model.h"
#include "tools/output_folder.h"
#include "tools/sheet.h"
#include "tools/signals.h"
#include "tools/train_setup.h"

namespace llmft {
namespace {

struct MergeOptions {
    std::string model;
    std::string adapter;
    std::string output;
    std::string dtype = "auto";
    std::string device = "auto";
    std::string adapter_weights;
    std::string combination_type = "cat";
    bool adapter_only = false;
    bool check = true;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("merge");
        v("model", model, "base model: a Hugging Face folder or a .gguf file");
        v("adapter", adapter, "adapter folder, or several with commas between");
        v("output", output, "folder to make: a model that transformers loads");
        v("dtype", dtype, "of the weights written (auto: the base's; bf16 where that is quantised)",
          {.one_of = "auto|f32|bf16|f16"});
        v("device", device, "where to compute", {.one_of = "auto|cpu|cuda|sim"});
        v("adapter-weights", adapter_weights, "a number for each adapter, with commas between (empty: 1 each)");
        v("combination-type", combination_type,
          "of several adapters: cat, their exact sum; linear, PEFT's cheap near sum of equal ranks",
          {.one_of = "cat|linear"});
        v("adapter-only", adapter_only, "write the combined adapter instead of a model");
        v("check", check, "compare the logits of what was written with base and adapter");
        v.group("output");
        v("json", json, "one JSON document on stdout");
    }

    std::optional<DType> written() const {
        if (dtype == "auto") return std::nullopt;
        return dtype == "bf16" ? DType::kBf16 : dtype == "f16" ? DType::kF16 : DType::kF32;
    }
};

std::vector<double> weights_of(const MergeOptions& options, size_t adapters) {
    if (options.adapter_weights.empty()) return std::vector<double>(adapters, 1.0);
    std::vector<double> weights;
    for (const std::string& text : split_file_list(options.adapter_weights, "--adapter-weights")) {
        double weight = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
        if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(weight))
            throw UserError("VALUE", "--adapter-weights", text, "not a number", "write for example 0.7,0.3");
        weights.push_back(weight);
    }
    if (weights.size() != adapters)
        throw UserError("USAGE", "--adapter-weights", options.adapter_weights,
                        fmt::format("{} weights for {} adapters", weights.size(), adapters), "give one for each");
    return weights;
}

// What base and adapter said, before anything is written.
struct Expected {
    LogitProbe probe;
    std::vector<float> unmerged;
    double adapter_effect = 0;   // how far the adapter moves a logit
};

ModelOptions checked_model(const MergeOptions& options, const std::string& adapter) {
    return {.model = options.model, .adapter = adapter, .device = options.device, .dtype = "f32", .portable = false};
}

Expected expected_logits(const MergeOptions& options, const std::string& adapter, const ModelSource& model,
                         const ModelConfig& config, const std::vector<Example>& examples) {
    Expected e = {.probe = make_logit_probe(config, examples), .unmerged = {}};
    e.unmerged = probe_logits(e.probe, checked_model(options, adapter), model, config);
    const std::vector<float> base = probe_logits(e.probe, checked_model(options, ""), model, config);
    e.adapter_effect = logit_difference(e.unmerged, base).largest;
    return e;
}

struct CheckResult {
    LogitDifference difference;
    double explained = 0;
    double adapter_effect = 0;
    int64_t positions = 0;
};

CheckResult check_folder(const Path& folder, const MergeOptions& options, const Expected& expected, DType dtype) {
    const FolderModel merged(folder);
    const ModelConfig config = read_model_config(merged);
    const std::vector<float> logits = probe_logits(expected.probe, checked_model(options, ""), merged, config);
    CheckResult result = {.difference = logit_difference(expected.unmerged, logits),
                          .adapter_effect = expected.adapter_effect,
                          .positions = static_cast<int64_t>(logits.size()) / config.vocab_size};
    result.explained = explained_difference(dtype, result.difference.largest_logit);
    if (!(result.difference.largest <= result.explained))
        throw NumericalError(
            fmt::format("{}: logits of the merged model differ from base and adapter by {:.3g}, and rounding to {} "
                        "explains {:.3g}; "
                        "nothing was written",
                        options.output, result.difference.largest, name(dtype), result.explained));
    return result;
}

std::vector<Example> read_rows(const DataOptions& data, const ModelSource& model, const ModelConfig& config) {
    std::vector<Example> examples;
    if (data.dataset.empty()) return examples;
    const std::optional<Tokenizer> tokenizer = read_tokenizer(data, model, config);
    DatasetReader reader(split_file_list(data.dataset, "--dataset"), data,
                         {.tokenizer = tokenizer ? &*tokenizer : nullptr, .vocab_size = config.vocab_size});
    for (DataRow row; reader.next(row);)
        if (!row.dropped) examples.push_back(row.example);
    return examples;
}

void print_result(const MergeOptions& options, const MergeResult& result, const std::optional<CheckResult>& check) {
    if (options.json) {
        OrderedJson json = {{"output", options.output}, {"tensors", result.tensors},   {"changed", result.changed},
                            {"bytes", result.bytes},    {"dtype", name(result.dtype)}, {"untied", result.untied},
                            {"check", nullptr}};
        if (check)
            json["check"] = {{"positions", check->positions},
                             {"largest_difference", check->difference.largest},
                             {"largest_logit", check->difference.largest_logit},
                             {"explained_difference", check->explained},
                             {"adapter_effect", check->adapter_effect}};
        fmt::print("{}", json_line(json));
        return;
    }
    fmt::print("merged into {}: {} of {} tensors changed, {}, {}{}\n", options.output, result.changed, result.tensors,
               bytes_text(result.bytes), name(result.dtype),
               result.untied ? "; the head is no longer the embedding" : "");
    if (check)
        fmt::print(
            "check: logits of {} positions differ from base and adapter by at most {:.3g}, the largest is {:.4g}; "
            "the adapter moves them by up to {:.3g}\n",
            check->positions, check->difference.largest, check->difference.largest_logit, check->adapter_effect);
    fmt::print("next: llmft generate --model {} --prompt \"…\"\n", options.output);
}

void note_rounding(const CheckResult& check, DType dtype) {
    constexpr double kShare = 4;
    if (dtype != DType::kF32 && check.difference.largest * kShare > check.adapter_effect)
        log::warn(
            fmt::format("rounding to {} moves logits by {:.2g}, the adapter by {:.2g}: --dtype f32 keeps more of it",
                        name(dtype), check.difference.largest, check.adapter_effect));
}

void expect_running(int64_t, int64_t) {
    if (stop_requested()) throw Error(ExitCode::kStopped, "STOPPED", "merge: stopped on request; nothing was written");
}

}   // namespace

int cmd_merge(const std::vector<std::string>& arguments) {
    MergeOptions options;
    DataOptions data;
    Flags flags("merge", "base + adapters → a model folder, checked against the logits of base and adapter");
    flags.add(options);
    flags.group("rows for the check");
    data.visit(flags);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"model", "adapter", "output"});
    data.validate();

    const auto model = open_model(options.model);
    const ModelConfig config = read_model_config(*model);
    const std::vector<std::string> folders = split_file_list(options.adapter, "--adapter");
    const std::vector<double> weights = weights_of(options, folders.size());
    std::vector<AdapterFile> adapters;
    for (const std::string& folder : folders) adapters.push_back(AdapterFile::open(folder));
    std::vector<WeightedAdapter> weighted;
    for (size_t i = 0; i < adapters.size(); ++i) weighted.push_back({adapters[i], weights[i]});
    const std::vector<Example> examples = read_rows(data, *model, config);
    const Combination how = options.combination_type == "cat" ? Combination::kCat : Combination::kLinear;
    const bool combined = options.adapter_only || adapters.size() > 1 || weights.front() != 1;

    install_stop_signals();
    StagedFolder staged(options.output, "--output");
    if (options.adapter_only) {
        combine_adapters(weighted, how, options.model, staged.path());
        copy_tokenizer_files(*model, staged.path());
        staged.commit();
        fmt::print("combined {} adapters into {}\n", adapters.size(), options.output);
        return 0;
    }
    const Path sum = staged.path() / "adapter";   // several adapters are merged as their sum
    std::optional<AdapterFile> summed;
    if (combined) {
        std::filesystem::create_directory(sum);
        combine_adapters(weighted, how, options.model, sum);
        summed.emplace(AdapterFile::open(sum));
    }
    const std::string adapter = combined ? sum.string() : folders.front();
    std::optional<Expected> expected;
    if (options.check) expected = expected_logits(options, adapter, *model, config, examples);
    log::release();

    const auto device = checked_model(options, "").make_device();
    const MergeResult result = merge_adapter({.base = *model,
                                              .config = config,
                                              .adapter = summed ? *summed : adapters.front(),
                                              .dtype = options.written(),
                                              .output = staged.path(),
                                              .on_tensor = expect_running},
                                             *device);
    std::filesystem::remove_all(sum);
    copy_tokenizer_files(*model, staged.path());
    std::optional<CheckResult> check;
    if (expected) check = check_folder(staged.path(), options, *expected, result.dtype);
    staged.commit();
    if (check) note_rounding(*check, result.dtype);
    print_result(options, result, check);
    return 0;
}

}   // namespace llmft
