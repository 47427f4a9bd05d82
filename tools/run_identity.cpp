#include "tools/run_identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/io/json_field.h"
#include "engine/io/mapped_file.h"
#include "engine/io/quote.h"
#include "engine/io/xxh3.h"
#include "kernels/base/error.h"
#include "model/adapter/peft.h"

namespace llmft {
namespace {

// Options that change nothing of what is learned. Files are known by what is in them.
const std::set<std::string_view> kFree = {"model",
                                          "adapter",
                                          "dataset",
                                          "eval_dataset",
                                          "output_dir",
                                          "device",
                                          "gradient_checkpointing",
                                          "profile",
                                          "resume",
                                          "logging_steps",
                                          "report_to",
                                          "report_samples",
                                          "save_strategy",
                                          "save_total_limit",
                                          "save_steps",
                                          "max_line_mib",
                                          "memory_limit"};
// Options that a user may change in the middle of a run and has to know of, and all of the schedule's. All others make
// another run.
const std::set<std::string_view> kNoted = {"weight_decay",
                                           "adam_beta1",
                                           "adam_beta2",
                                           "adam_epsilon",
                                           "max_grad_norm",
                                           "num_train_epochs",
                                           "max_steps",
                                           "eval_strategy",
                                           "eval_steps",
                                           "on_nan",
                                           "max_nan_skips",
                                           "early_stopping_patience",
                                           "tokens_per_microbatch",
                                           "metric_for_best_model",
                                           "load_best_model_at_end"};

// Members of config.json that are read and change nothing that is computed, or are options here.
const std::set<std::string_view> kFreeOfConfig = {"_name_or_path", "architectures",        "dtype",
                                                  "torch_dtype",   "transformers_version", "use_cache"};

bool is_noted(std::string_view name) {
    const bool of_schedule =
        name == "learning_rate" || name.starts_with("lr_") || name.starts_with("warmup_") || name.starts_with("min_lr");
    return of_schedule || kNoted.contains(name);
}

constexpr std::string_view kRemedy = "go on with the run's own settings, give --resume never, or another --output-dir";

using Texts = std::map<std::string, std::string>;

Texts texts_of(const JsonField& object) {
    object.expect_object();
    Texts texts;
    for (const auto& [name, value] : object.json().items())
        texts[name] = JsonField(value, object.file(), object.path() + "." + name).text();
    return texts;
}

Texts texts_of(const std::vector<std::pair<std::string, std::string>>& pairs) {
    return {pairs.begin(), pairs.end()};
}

struct Difference {
    std::string name, before, now;

    std::string line() const {
        const auto shown = [](const std::string& text) { return text.empty() ? "\"\"" : text; };
        return fmt::format("{} was {}, is {}", name, shown(before), shown(now));
    }
};

std::vector<Difference> differences(const Texts& before, const Texts& now) {
    std::set<std::string> names;
    for (const auto& [name, text] : before) names.insert(name);
    for (const auto& [name, text] : now) names.insert(name);
    std::vector<Difference> found;
    for (const std::string& name : names) {
        const auto text = [&](const Texts& texts) {
            const auto at = texts.find(name);
            return at == texts.end() ? std::string("not set") : at->second;
        };
        if (text(before) != text(now)) found.push_back({name, text(before), text(now)});
    }
    return found;
}

JsonField facts_of(const Checkpoint& checkpoint) {
    return {checkpoint.manifest.facts, (checkpoint.path / kManifestName).string(), "facts"};
}

}   // namespace

Json RunIdentity::facts(int64_t step) const {
    return {{"kind", "checkpoint"},
            {"step", step},
            {"settings", Json(texts_of(settings))},
            {"config", Json(texts_of(config))},
            {"inputs", Json(texts_of(inputs))},
            {"tokens_per_microbatch", tokens_per_microbatch}};
}

std::vector<std::pair<std::string, std::string>> config_settings(const ModelSource& model, const ModelConfig& config) {
    std::vector<std::pair<std::string, std::string>> settings;
    const Json json = model.json("config.json", JsonLimits{});
    for (const auto& [key, value] : json.items()) {
        const auto& unknown = config.unknown_keys;
        if (!kFreeOfConfig.contains(key) && std::find(unknown.begin(), unknown.end(), key) == unknown.end())
            settings.emplace_back(key, value.dump());
    }
    return settings;
}

std::string hash_of_weights(const ModelWeights& weights) {
    constexpr int64_t kPieceElements = int64_t{1} << 20;
    Xxh3 hash;
    std::vector<std::byte> scratch;
    for (const StoredTensor& tensor : weights.tensors()) {
        hash.add(tensor.name).add(tensor.type);
        hash.add(std::as_bytes(std::span(tensor.shape)));
        if (tensor.storage == Storage::kQuant4) {
            const Quant4Data packed = weights.quant4(tensor);
            for (const Bytes part : {packed.codes, packed.values, packed.scales, packed.nested_scales,
                                     packed.nested_map, std::as_bytes(std::span(&packed.offset, 1))})
                hash.add(part);
        } else {
            const int64_t step = std::max<int64_t>(1, kPieceElements / std::max<int64_t>(1, tensor.cols()));
            for (int64_t first = 0; first < tensor.rows(); first += step)
                hash.add(weights.rows(tensor, first, std::min(step, tensor.rows() - first), scratch).bytes);
        }
        weights.release(tensor);
    }
    return hash_text(hash.digest());
}

std::string hash_of_adapter(const Path& folder) {
    Xxh3 hash;
    hash.add(MappedFile(folder / "adapter_config.json").bytes());
    const Safetensors weights = open_peft_weights(folder);
    for (const SafeTensor& tensor : weights.tensors()) {
        hash.add(tensor.name).add(tensor.dtype);
        hash.add(std::as_bytes(std::span(tensor.shape)));
        hash.add(tensor.bytes);
    }
    return hash_text(hash.digest());
}

std::string hash_of_examples(const std::vector<Example>& examples) {
    Xxh3 hash;
    for (const Example& example : examples) {
        const std::array<int64_t, 2> head = {static_cast<int64_t>(example.ids.size()), example.row};
        hash.add(std::as_bytes(std::span(head)));
        hash.add(std::as_bytes(std::span(example.ids)));
        hash.add(std::as_bytes(std::span(example.labels)));
    }
    return hash_text(hash.digest());
}

int64_t planned_tokens(const Checkpoint& checkpoint) {
    return facts_of(checkpoint).at("tokens_per_microbatch").integer(1, INT32_MAX);
}

std::vector<std::string> expect_same_run(const Checkpoint& checkpoint, const RunIdentity& now) {
    const JsonField facts = facts_of(checkpoint);
    std::vector<std::string> noted, settings, config, inputs;
    for (const Difference& d : differences(texts_of(facts.at("settings")), texts_of(now.settings))) {
        if (kFree.contains(d.name)) continue;
        if (d.name == "dtype" && d.before.ends_with(" in " + d.now)) continue;   // by run.toml: what was computed in
        (is_noted(d.name) ? noted : settings).push_back(d.line());
    }
    for (const Difference& d : differences(texts_of(facts.at("config")), texts_of(now.config)))
        config.push_back(d.line());
    const auto refuse = [&](const char* field, const std::vector<std::string>& lines) {
        if (lines.empty()) return;
        throw UserError("STATE", checkpoint.path.string(), field, fmt::format("{}", fmt::join(lines, ", and ")),
                        kRemedy);
    };
    // Options first: where one of them differs, what was read may differ because of it.
    refuse("settings", settings);
    refuse("config.json", config);
    for (const Difference& d : differences(texts_of(facts.at("inputs")), texts_of(now.inputs))) {
        if (d.name == "evaluation rows")
            noted.emplace_back("the evaluation rows were others");
        else
            inputs.push_back(
                fmt::format("the {} {} not what the run began with", d.name, d.name.ends_with('s') ? "are" : "is"));
    }
    refuse("inputs", inputs);
    return noted;
}

}   // namespace llmft
