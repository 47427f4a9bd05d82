#include "tools/train_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/log/log.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

// A visitor of option structs: what each option holds.
struct Texts {
    std::map<std::string, std::string> of;
    void group(std::string_view) {}
    template <class T>
    void operator()(std::string_view name, T& value, std::string_view, const OptionLimits& = {}) {
        of[std::string(name)] = text_of(Option{.name = "", .group = "", .help = "", .target = &value}).value_or("");
    }
};

}   // namespace

void TrainOptions::declare(Flags& flags) {
    flags.add(model);
    flags.add(method);
    flags.group("data");
    data.visit(flags);
    flags.add(batch);
    flags.add(schedule);
    flags.add(loop);
    flags.add(report);
    flags.add(save);
    flags.add(memory);
}

void TrainOptions::validate() const {
    data.validate();
    if (method.lora.init_lora_weights == "eva" && model.adapter.empty())
        throw UserError("USAGE", "--init-lora-weights", "eva", "this version continues such adapters but starts none",
                        "use true, gaussian or orthogonal");
    lora_config(method.lora);
}

void TrainOptions::adopt_adapter(const Flags& flags) {
    if (model.adapter.empty()) return;
    LoraOptions own = lora_options(read_lora_config(model.adapter));
    if (flags.given("lora-dropout")) own.dropout = method.lora.dropout;   // the run may choose it anew
    MethodOptions adopted = method;
    adopted.lora = own;
    Texts typed_texts, adopted_texts;
    method.visit(typed_texts);
    adopted.visit(adopted_texts);
    for (const auto& [name, text] : typed_texts.of)
        if (flags.given(name) && adopted_texts.of.at(name) != text)
            log::note(fmt::format("--{} is not used: the adapter's own setting holds", name));
    method.lora = own;
}

void TrainOptions::adopt_intervals(const Flags& flags) {
    const auto adopt = [&](const char* interval, bool differs, const char* name, std::string& strategy) {
        if (flags.given(interval) && !flags.given(name)) strategy = "steps";
        if (differs && strategy != "steps")
            log::note(fmt::format("--{} has no effect: it needs --{} steps", interval, name));
    };
    adopt("save-steps", save.save_steps != SaveOptions().save_steps, "save-strategy", save.save_strategy);
    adopt("eval-steps", loop.eval_steps != LoopOptions().eval_steps, "eval-strategy", loop.eval_strategy);
}

void TrainOptions::resolve(const ModelConfig& config) {
    if (!schedule.learning_rate) schedule.learning_rate = llmft::method(method.method).learning_rate;
    if (!data.data_seed) data.data_seed = loop.seed;
    if (method.lora.alpha == 0) method.lora.alpha = lora_config(method.lora).alpha;
    const bool quantises = method.method == "qlora" && model.quantization == "none" && !config.quantization;
    if (quantises) model.quantization = "nf4";
    model.note_dtype();
    model.dtype = name(model.compute_dtype());
}

std::optional<Tokenizer> read_tokenizer(const DataOptions& options, const ModelSource& model,
                                        const ModelConfig& config) {
    const bool may_be_tokens = options.dataset_format == "auto" && !model.has("tokenizer.json");
    if (may_be_tokens || options.dataset_format == "tokens") return std::nullopt;
    Tokenizer tokenizer = Tokenizer::load(model);
    expect_vocabulary_fits(tokenizer, config.vocab_size, model.label("tokenizer.json"));
    return tokenizer;
}

void note_beyond_positions(int64_t longest, const ModelConfig& config) {
    if (longest > config.max_position_embeddings)
        log::note(
            fmt::format("a row of {} tokens passes the model's {} positions", longest, config.max_position_embeddings));
}

TrainData read_train_data(const TrainOptions& options, const ModelSource& model, const ModelConfig& config) {
    TrainData data;
    data.tokenizer = read_tokenizer(options.data, model, config);
    const RowContext context = {.tokenizer = data.tokenizer ? &*data.tokenizer : nullptr,
                                .vocab_size = config.vocab_size};
    data.train = read_dataset(split_file_list(options.data.dataset, "--dataset"), options.data, context);
    if (!options.data.eval_dataset.empty())
        data.evaluation =
            read_dataset(split_file_list(options.data.eval_dataset, "--eval-dataset"), options.data, context).examples;
    else if (options.data.eval_split > 0)
        data.evaluation =
            hold_out(data.train, options.data.eval_split, options.data.data_seed.value_or(options.loop.seed));
    data.shape = loader_shape(data.train.examples,
                              options.batch.per_device_train_batch_size * options.batch.gradient_accumulation_steps);
    for (const Example& e : data.evaluation)
        data.shape.longest_example = std::max(data.shape.longest_example, static_cast<int64_t>(e.ids.size()));
    note_beyond_positions(data.shape.longest_example, config);
    return data;
}

namespace {

std::optional<Quantization> quantization_of(const TrainOptions& options, const ModelConfig& config) {
    const std::optional<Quantization> result = options.model.resolved_quantization(config);
    if (result && options.method.method == "full")
        throw UserError("USAGE", "--method", "full",
                        fmt::format("weights in {} cannot be trained", name(result->kind())),
                        "use --method qlora, or train the unquantised model");
    return result;
}

}   // namespace

LoaderShape full_rows(const TrainOptions& options) {
    const int64_t longest = options.data.max_seq_length;
    const int64_t examples = options.batch.per_device_train_batch_size * options.batch.gradient_accumulation_steps;
    return {.longest_example = longest, .window_tokens_bound = longest * examples};
}

PlanRequest plan_request(const TrainOptions& options, const ModelConfig& config, Tuning& tuning,
                         const LoaderShape& data) {
    return {.config = config,
            .tuning = tuning,
            .shape = {.dtype = options.model.compute_dtype(),
                      .tokens = 0,
                      .recompute = {},
                      .use = SessionShape::Use::kTrain,
                      .adamw = options.loop.adamw,
                      .seed = static_cast<uint32_t>(options.loop.seed),
                      .objective = &objective(options.method.objective),
                      .quantization = quantization_of(options, config)},
            .longest_document = data.longest_example,
            .window_tokens = data.window_tokens_bound,
            .tokens_per_microbatch = options.batch.tokens_per_microbatch,
            .gradient_checkpointing = options.batch.gradient_checkpointing,
            .limit_bytes = options.memory.limit_bytes()};
}

MethodRequest method_request(const TrainOptions& options) {
    return {.lora = options.method.lora,
            .adapter = options.model.adapter,
            .seed = static_cast<uint32_t>(options.loop.seed)};
}

std::string trainable_line(const Plan& plan, const ModelConfig& config, bool adapters) {
    const int64_t all = parameter_count(config) + (adapters ? plan.added : 0);
    return fmt::format("trainable params: {} || all params: {} || trainable%: {:.4f}", grouped_digits(plan.trainable),
                       grouped_digits(all), 100 * static_cast<double>(plan.trainable) / static_cast<double>(all));
}

std::string memory_table(const Plan& plan, size_t most_rows) {
    std::vector<Arena::Row> rows = plan.memory;
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
    if (rows.size() > most_rows) {
        Arena::Row others = {.name = fmt::format("{} others", rows.size() - most_rows + 1), .bytes = 0, .count = 0};
        for (size_t i = most_rows - 1; i < rows.size(); ++i)
            others.bytes += rows[i].bytes, others.count += rows[i].count;
        rows.resize(most_rows - 1);
        rows.push_back(others);
    }
    std::string text;
    for (const Arena::Row& row : rows)
        text += fmt::format("  {:<24} {:>12} {:>6}\n", row.name, bytes_text(row.bytes), fmt::format("x{}", row.count));
    return text + fmt::format("  {:<24} {:>12}\n", "peak", bytes_text(plan.peak_bytes));
}

std::string recompute_text(const std::vector<Recompute>& policy) {
    const auto count = [&](Recompute r) { return std::count(policy.begin(), policy.end(), r); };
    if (count(Recompute::kNone) == static_cast<int64_t>(policy.size())) return "nothing rerun";
    return fmt::format("rerun in backward: FFN of {} layers, all of {}", count(Recompute::kFfn),
                       count(Recompute::kFull));
}

std::string op_table(const std::vector<Profile::Row>& rows) {
    constexpr double kGiga = 1e9;
    Profile::Row total = {.range = "", .op = "total"};
    for (const Profile::Row& row : rows) {
        total.cost.flops += row.cost.flops;
        total.cost.bytes += row.cost.bytes;
        total.seconds += row.seconds;
        total.calls += row.calls;
    }
    const bool timed = total.seconds > 0;
    const auto line = [&](const Profile::Row& row) {
        std::string text = fmt::format("  {:<12} {:<20} {:>8} {:>12.3f} {:>11.3f}", row.range, row.op, row.calls,
                                       row.cost.flops / kGiga, row.cost.bytes / kGiga);
        if (timed)
            text += fmt::format(" {:>9.3f} {:>6.1f} {:>9.1f} {:>8.1f}", row.seconds, 100 * row.seconds / total.seconds,
                                row.cost.flops / kGiga / row.seconds, row.cost.bytes / kGiga / row.seconds);
        return text + "\n";
    };
    std::string text = fmt::format("  {:<12} {:<20} {:>8} {:>12} {:>11}", "range", "op", "calls", "GFLOP", "GB");
    text += timed ? fmt::format(" {:>9} {:>6} {:>9} {:>8}\n", "seconds", "%", "GFLOP/s", "GB/s") : "\n";
    for (const Profile::Row& row : rows) text += line(row);
    return text + line(total);
}

}   // namespace llmft
