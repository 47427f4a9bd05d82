// merge: base + adapters → one model folder, or several adapters → one adapter.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/io/json.h"
#include "engine/log/log.h"
#include "model/adapter/combine.h"
#include "model/adapter/merged_model.h"
#include "model/save.h"
#include "tools/cmd.h"
#include "tools/command_line.h"
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
        v("device", device, "where to compute", {.one_of = "auto|cpu", .unlisted = "cuda|sim"});
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

ModelOptions checked_model(const MergeOptions& options, const std::string& adapter) {
    return {.model = options.model, .adapter = adapter, .device = options.device, .dtype = "f32", .portable = false};
}

struct CheckResult {
    int64_t positions = 0;
    double adapter_effect = 0;   // how far the adapter moves a logit
    double merged = 0;           // how far merging does, before weights are rounded
    LogitDifference written;     // how far what lies in the folder does
};

// The proof of a merge. Base and adapter, computed side by side as in training, are held against the merged weights
// before they are rounded: only the order of sums may tell them apart. What was written has to be those weights,
// rounded, bit for bit; then its distance from base and adapter is what its dtype costs.
class Check {
public:
    Check(const MergeOptions& options, const std::string& adapter, const ModelSource& base, const ModelConfig& config,
          const std::vector<Example>& examples)
        : options_(options), config_(config), probe_(make_logit_probe(config, examples)) {
        unmerged_ = probe_logits(probe_, checked_model(options, adapter), base, config);
        if (!std::all_of(unmerged_.begin(), unmerged_.end(), [](float x) { return std::isfinite(x); }))
            throw NumericalError(
                fmt::format("{}: with it the model's logits are not finite; train it anew with a lower "
                            "--learning-rate, or give it a smaller --adapter-weights",
                            adapter));
        if (std::all_of(unmerged_.begin(), unmerged_.end(), [](float x) { return x == 0; }))
            throw NumericalError(
                fmt::format("{}: with it the model's logits are all 0, which proves nothing of a merge: a number in it "
                            "passed the range of f32; use another copy of the model or of the adapter",
                            adapter));
        result_.positions = static_cast<int64_t>(unmerged_.size()) / config.vocab_size;
        result_.adapter_effect = difference(base).largest;
    }

    void expect_merged(const MergedModel& merged) {
        const LogitDifference d = difference(merged);
        result_.merged = d.largest;
        const double explained = explained_difference(config_, d.largest_logit);
        if (!(d.largest <= explained))
            throw NumericalError(
                fmt::format("{}: logits of the merged weights differ from those of base and adapter by "
                            "{:.3g}, and f32 explains {:.3g}; nothing was written, please report it",
                            options_.output, d.largest, explained));
    }

    CheckResult expect_written(const MergedModel& merged, const PlainFolder& written) {
        const FolderModel folder(written.output);
        expect_plain_model(merged, written, folder);
        result_.written = difference(folder);
        if (!std::isfinite(result_.written.largest))
            throw NumericalError(fmt::format("{}: logits of the written model are not finite; use --dtype bf16 or f32",
                                             options_.output));
        return result_;
    }

private:
    LogitDifference difference(const ModelSource& model) const {
        return logit_difference(unmerged_,
                                probe_logits(probe_, checked_model(options_, ""), model, read_model_config(model)));
    }

    const MergeOptions& options_;
    const ModelConfig& config_;
    LogitProbe probe_;
    std::vector<float> unmerged_;
    CheckResult result_;
};

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

void print_result(const MergeOptions& options, const MergedModel& merged, const PlainResult& result,
                  const std::optional<CheckResult>& check) {
    if (options.json) {
        OrderedJson json = {{"output", options.output}, {"tensors", result.tensors},   {"changed", merged.changed()},
                            {"bytes", result.bytes},    {"dtype", name(result.dtype)}, {"untied", merged.untied()},
                            {"check", nullptr}};
        if (check)
            json["check"] = {{"positions", check->positions},
                             {"largest_difference", check->written.largest},
                             {"largest_logit", check->written.largest_logit},
                             {"before_rounding", check->merged},
                             {"adapter_effect", check->adapter_effect}};
        fmt::print("{}", json_line(json));
        return;
    }
    fmt::print("merged into {}: {} of {} tensors changed, {}, {}{}\n", options.output, merged.changed(), result.tensors,
               bytes_text(result.bytes), name(result.dtype),
               merged.untied() ? "; the head is no longer the embedding" : "");
    if (check)
        fmt::print(
            "check: largest difference from the logits of base and adapter {:.3g} ({:.3g} before rounding), of logits "
            "up to "
            "{:.4g} at {} positions; the adapter moves them by up to {:.3g}\n",
            check->written.largest, check->merged, check->written.largest_logit, check->positions,
            check->adapter_effect);
    fmt::print("next: {}\n", command_line({"generate", "--model", options.output, "--prompt", "Hello"}));
}

void print_combined(const MergeOptions& options, size_t adapters) {
    if (options.json)
        fmt::print("{}", json_line({{"output", options.output}, {"adapters", adapters}}));
    else
        fmt::print("combined {} adapter{} into {}\n", adapters, adapters == 1 ? "" : "s", options.output);
}

void note_quantised(const ModelSource& model) {
    const auto weights = model.weights();
    const auto& tensors = weights->tensors();
    if (std::any_of(tensors.begin(), tensors.end(), [](const StoredTensor& t) { return t.storage != Storage::kPlain; }))
        log::note(
            "the base is quantised: the adapter is added to what its weights decode to, as an adapter of this base was "
            "trained; --model with the original weights merges into those");
}

void note_rounding(const CheckResult& check, DType dtype) {
    constexpr double kShare = 4;
    if (dtype != DType::kF32 && check.written.largest * kShare > check.adapter_effect)
        log::warn(
            fmt::format("rounding to {} moves logits by {:.2g}, the adapter by {:.2g}: --dtype f32 keeps all of it",
                        name(dtype), check.written.largest, check.adapter_effect));
}

void expect_running() {
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

    note_quantised(*model);
    install_stop_signals();
    StagedFolder staged(options.output, "--output");
    const auto device = checked_model(options, "").make_device();
    if (options.adapter_only) {
        combine_adapters(weighted, how, options.model, staged.path());
        const MergedModel fits(*model, AdapterFile::open(staged.path()), *device);   // else it is refused
        copy_tokenizer_files(*model, staged.path());
        staged.commit();
        print_combined(options, adapters.size());
        return 0;
    }
    const Path sum = staged.path() / "adapter";   // several adapters are merged as their sum
    std::optional<AdapterFile> summed;
    if (combined) {
        std::filesystem::create_directory(sum);
        combine_adapters(weighted, how, options.model, sum);
        summed.emplace(AdapterFile::open(sum));
    }
    const MergedModel merged(*model, summed ? *summed : adapters.front(), *device);
    std::optional<Check> check;
    if (options.check) {
        check.emplace(options, combined ? sum.string() : folders.front(), *model, config, examples);
        check->expect_merged(merged);
    }
    log::release();
    const PlainFolder folder = {.dtype = options.written(), .output = staged.path(), .on_tensor = expect_running};
    const PlainResult result = write_plain_model(merged, folder);
    std::filesystem::remove_all(sum);
    copy_tokenizer_files(*model, staged.path());
    std::optional<CheckResult> proof;
    if (check) proof = check->expect_written(merged, folder);
    staged.commit();
    if (proof) note_rounding(*proof, result.dtype);
    print_result(options, merged, result, proof);
    return 0;
}

}   // namespace llmft
