#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "data/dataset.h"
#include "data/loader.h"
#include "engine/io/file.h"
#include "engine/io/json.h"
#include "engine/log/log.h"
#include "tools/cmd.h"
#include "tools/eval/exact_match.h"
#include "tools/flags.h"
#include "tools/generate/generator.h"
#include "tools/inference.h"
#include "tools/open_model.h"
#include "tools/train_setup.h"

namespace llmft {
namespace {

constexpr int64_t kAutoTokens = 1024;   // as in training, products are at full speed from here on

struct EvalOptions {
    std::string metric = "perplexity,accuracy";
    std::string per_row;
    int64_t tokens_per_microbatch = 0;
    int64_t max_new_tokens = 256;
    int64_t batch_size = 16;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("evaluation");
        v("metric", metric,
          "what to report beside the loss, with commas between: perplexity; accuracy, of the "
          "likeliest token; exact_match, of answers that the model writes to the rows' prompts",
          {.list_of = "perplexity|accuracy|exact_match"});
        v("per-row", per_row,
          "file for a JSON line per row: row, nll, tokens, token_nll, greedy_match; with exact_match also text and "
          "exact_match");
        v("tokens-per-microbatch", tokens_per_microbatch,
          "tokens computed at once; changes speed and memory only (0: auto)", {.at_least = 0, .at_most = 1 << 24});
        v("max-new-tokens", max_new_tokens, "exact_match: most tokens of an answer",
          {.at_least = 1, .at_most = 1 << 24});
        v("batch-size", batch_size, "exact_match: prompts decoded at once; changes speed and memory only",
          {.at_least = 1, .at_most = 1024});
        v.group("output");
        v("json", json, "one JSON document on stdout");
    }
};

struct Metrics {
    bool perplexity = false, accuracy = false, exact_match = false;
};

Metrics metrics_of(const std::string& list) {
    const std::vector<std::string> names = split_choices(list, ',');
    const auto asked = [&](const char* name) { return std::find(names.begin(), names.end(), name) != names.end(); };
    return {.perplexity = asked("perplexity"), .accuracy = asked("accuracy"), .exact_match = asked("exact_match")};
}

// The file of --per-row, begun before anything is scored: a path that cannot be written is known then.
std::optional<AtomicFile> begin_per_row(const std::string& path, const ModelOptions& model, const DataOptions& data) {
    if (path.empty()) return std::nullopt;
    std::error_code ignored;
    const auto refuse = [&](const char* what, const char* remedy) {
        throw UserError("PATH", "--per-row", path, what, remedy);
    };
    if (std::filesystem::is_directory(path, ignored)) refuse("is a folder", "name a file");
    std::vector<std::string> inputs = split_file_list(data.dataset, "--dataset");
    const Path name = Path(path).filename();
    for (const Path& input : {Path(model.model), Path(model.model) / name, Path(model.adapter) / name})
        inputs.push_back(input.string());
    for (const std::string& input : inputs)
        if (std::filesystem::equivalent(path, input, ignored)) refuse("is an input", "name another file");
    return std::optional<AtomicFile>(std::in_place, path);
}

struct RowScore {
    std::vector<float> token_nll;
    int64_t greedy_match = 0;
    float nll() const { return std::accumulate(token_nll.begin(), token_nll.end(), 0.0f); }
};

// Scores in the order of the rows; rows without loss tokens stay empty.
std::vector<RowScore> score_rows(const std::vector<Example>& examples, int64_t tokens, Session& session, Run& run) {
    std::vector<RowScore> scores(examples.size());
    std::vector<Example> scored;
    std::vector<size_t> row_of;
    for (size_t i = 0; i < examples.size(); ++i)
        if (loss_tokens_of(examples[i]) > 0) {
            scored.push_back(examples[i]);
            row_of.push_back(i);
        }
    const EvaluationSource source(scored, tokens);
    size_t document = 0;
    for (int64_t i = 0; i < source.micro_batches(); ++i) {
        const HostBatch host = source.micro_batch(i);
        const Decoder::Scores batch = session.model().score(session.slots().upload(host, run), run);
        size_t at = 0;
        for (int64_t d = 0; d < host.documents(); ++d, ++document) {
            const size_t row = row_of[document];
            const auto count = static_cast<size_t>(loss_tokens_of(examples[row]));
            scores[row].token_nll.assign(batch.nll.begin() + static_cast<ptrdiff_t>(at),
                                         batch.nll.begin() + static_cast<ptrdiff_t>(at + count));
            scores[row].greedy_match =
                std::accumulate(batch.correct.begin() + static_cast<ptrdiff_t>(at),
                                batch.correct.begin() + static_cast<ptrdiff_t>(at + count), int64_t{0});
            at += count;
        }
    }
    return scores;
}

// By row; empty where nobody asked for answers.
using Answers = std::vector<std::optional<Answer>>;

void write_per_row(AtomicFile& file, const std::vector<Example>& rows, const std::vector<RowScore>& scores,
                   const Answers& answers) {
    for (size_t i = 0; i < scores.size(); ++i) {
        OrderedJson line = {{"row", rows[i].row},
                            {"nll", scores[i].nll()},
                            {"tokens", scores[i].token_nll.size()},
                            {"token_nll", scores[i].token_nll},
                            {"greedy_match", scores[i].greedy_match}};
        if (!answers.empty() && answers[i]) {
            line["text"] = answers[i]->text;
            line["exact_match"] = answers[i]->exact;
        }
        file.write(json_line(line));
    }
}

// What exact_match asks, and the room that the answers take.
struct Quiz {
    std::vector<std::optional<Question>> questions;
    DecodeShape shape;
};

Quiz quiz_of(const std::vector<Example>& rows, const Tokenizer& tokenizer, const EvalOptions& eval,
             const std::string& dataset) {
    Quiz quiz;
    int64_t count = 0, longest = 0;
    for (const Example& row : rows) {
        const auto& question = quiz.questions.emplace_back(question_of(row, tokenizer));
        if (!question) continue;
        ++count;
        longest = std::max(longest, static_cast<int64_t>(question->prompt.size()));
    }
    if (count == 0)
        throw UserError("DATA", dataset, "", "exact_match: no row has a prompt with an answer",
                        "give rows of \"prompt\" and \"completion\"");
    quiz.shape = {.documents = std::min(count, eval.batch_size), .capacity = longest + eval.max_new_tokens};
    return quiz;
}

struct Rows {
    std::vector<Example> examples;
    std::vector<std::string> places;   // "FILE:LINE" of each
};

// All rows, in order: one that training would drop has no token to be scored.
Rows read_rows(DatasetReader& reader, const DataOptions& data, const ModelConfig& config) {
    Rows rows;
    std::vector<Example>& examples = rows.examples;
    size_t longest = 1;
    for (DataRow row; reader.next(row);) {
        if (row.dropped) row.example.ids.clear(), row.example.labels.clear();
        longest = std::max(longest, row.example.ids.size());
        examples.push_back(row.example);
        rows.places.push_back(row.where);
    }
    if (examples.empty()) throw UserError("DATA", data.dataset, "", "has no row", "give at least one");
    note_beyond_positions(static_cast<int64_t>(longest), config);
    if (const int64_t cut = reader.counts().truncated; cut > 0)
        log::note(fmt::format("{} of {} rows cut to {} tokens", cut, examples.size(), data.max_seq_length));
    if (const auto& dropped = reader.counts().dropped; !dropped.empty())
        log::note(fmt::format("{} of {} rows are not scored, the first at {}: {}", dropped.size(), examples.size(),
                              dropped.front().where, dropped.front().reason));
    return rows;
}

void expect_finite_scores(const std::vector<RowScore>& scores, const Rows& rows, const ModelOptions& options) {
    for (size_t i = 0; i < scores.size(); ++i)
        for (const float nll : scores[i].token_nll)
            if (!std::isfinite(nll))
                throw NumericalError(fmt::format("{}: loss: is {}; run llmft verify {}{}{}", rows.places[i],
                                                 std::isnan(nll) ? "NaN" : "infinite", options.model,
                                                 options.adapter.empty() ? "" : " and llmft verify " + options.adapter,
                                                 options.dtype == "bf16" ? ", or try --dtype f32" : ""));
}

double exact_share(const Answers& answers) {
    int64_t exact = 0, asked = 0;
    for (const auto& answer : answers) {
        asked += answer ? 1 : 0;
        exact += answer && answer->exact ? 1 : 0;
    }
    return static_cast<double>(exact) / static_cast<double>(asked);
}

void print_report(const std::vector<RowScore>& scores, const Answers& answers, const Metrics& metrics,
                  const EvalOptions& eval, const std::string& dataset) {
    double nll = 0;
    int64_t scored = 0, matched = 0;
    for (const RowScore& s : scores) {
        nll += std::accumulate(s.token_nll.begin(), s.token_nll.end(), 0.0);
        scored += static_cast<int64_t>(s.token_nll.size());
        matched += s.greedy_match;
    }
    if (scored == 0) log::warn(dataset + ": no token of any row is to be scored; there is no loss");
    const double mean = nll / static_cast<double>(scored);
    OrderedJson report = {{"rows", scores.size()}, {"tokens", scored}, {"loss", mean}};
    if (metrics.perplexity) report["perplexity"] = std::exp(mean);
    if (metrics.accuracy) report["accuracy"] = static_cast<double>(matched) / static_cast<double>(scored);
    if (metrics.exact_match) report["exact_match"] = exact_share(answers);
    if (eval.json) return fmt::print("{}", json_line(report));
    for (const auto& [name, value] : report.items())
        fmt::print("{:<11} {}\n", name,
                   value.is_number_float() ? fmt::format("{:.6f}", value.get<double>()) : value.dump());
}

}   // namespace

int cmd_eval(const std::vector<std::string>& arguments) {
    ModelOptions options;
    DataOptions data;
    EvalOptions eval;
    Flags flags("eval",
                "scores rows: negative log likelihood, perplexity, greedy accuracy, exact match of what is generated");
    flags.add(options);
    flags.group("data");
    data.visit(flags);
    flags.add(eval);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"model", "dataset"});
    data.validate();
    if (data.eval_split > 0 || !data.eval_dataset.empty())
        log::note("--eval-split and --eval-dataset are train's: all rows of --dataset are scored");
    const Metrics metrics = metrics_of(eval.metric);
    std::optional<AtomicFile> per_row = begin_per_row(eval.per_row, options, data);

    const auto model = open_model(options.model);
    const ModelConfig config = read_model_config(*model);
    std::optional<Tokenizer> tokenizer = read_tokenizer(data, *model, config);
    if (metrics.exact_match && !tokenizer) tokenizer = Tokenizer::load(*model);   // rows of tokens are compared as text
    const RowContext context = {.tokenizer = tokenizer ? &*tokenizer : nullptr, .vocab_size = config.vocab_size};
    DatasetReader reader(split_file_list(data.dataset, "--dataset"), data, context);
    const Rows rows = read_rows(reader, data, config);
    const std::vector<Example>& examples = rows.examples;
    int64_t longest = 1;
    for (const Example& e : examples) longest = std::max(longest, static_cast<int64_t>(e.ids.size()));

    std::optional<Quiz> quiz;
    if (metrics.exact_match) quiz = quiz_of(examples, *tokenizer, eval, data.dataset);
    const int64_t at_once = eval.tokens_per_microbatch > 0 ? eval.tokens_per_microbatch : kAutoTokens;
    const int64_t tokens = std::max({longest, at_once, quiz ? quiz->shape.tokens() : 0});
    Inference inference = open_inference(options, *model, config, tokens, [&](Session& dry) {
        Run run = dry.run();
        dry.model().evaluate(dry.slots().upload(full_batch(tokens, tokens), run), run);
        if (quiz) rehearse_generation(dry, quiz->shape);
    });
    Run run = inference.session->run();
    log::release();
    const std::vector<RowScore> scores = score_rows(examples, tokens, *inference.session, run);
    expect_finite_scores(scores, rows, options);
    Answers answers;
    if (quiz) {
        DecodeSlots slots(inference.session->model(), quiz->shape, run);
        const AnswerOptions how = {
            .max_new_tokens = eval.max_new_tokens,
            .stop_ids = answer_ends(*model, config, *tokenizer),
            .texts = per_row ? AnswerOptions::Texts::kWhole : AnswerOptions::Texts::kTillItDiffers};
        answers = answer_questions(quiz->questions, how, *tokenizer, inference.session->model(), slots, run);
    }
    if (per_row) {
        write_per_row(*per_row, examples, scores, answers);
        per_row->commit();
    }
    print_report(scores, answers, metrics, eval, data.dataset);
    return 0;
}

}   // namespace llmft
