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
#include "tools/flags.h"
#include "tools/inference.h"
#include "tools/open_model.h"
#include "tools/train_setup.h"

namespace llmft {
namespace {

struct EvalOptions {
    std::string metric = "perplexity,accuracy";
    std::string per_row;
    int64_t tokens_per_microbatch = 1024;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("evaluation");
        v("metric", metric,
          "what to report beside the loss, with commas between: perplexity; accuracy, of the "
          "likeliest token");
        v("per-row", per_row, "file for a JSON line per row: row, nll, tokens, token_nll, greedy_match");
        v("tokens-per-microbatch", tokens_per_microbatch, "tokens computed at once; changes speed and memory only",
          {.at_least = 1, .at_most = 1 << 24});
        v.group("output");
        v("json", json, "one JSON document on stdout");
    }
};

struct Metrics {
    bool perplexity = false, accuracy = false;
};

Metrics metrics_of(const std::string& list) {
    Metrics metrics;
    for (const std::string& name : split_file_list(list, "--metric")) {
        if (name != "perplexity" && name != "accuracy")
            throw UserError("VALUE", "--metric", name, "this version does not have it", "use perplexity, accuracy");
        (name == "accuracy" ? metrics.accuracy : metrics.perplexity) = true;
    }
    return metrics;
}

// The file of --per-row, begun before anything is scored: a path that cannot be written is known then.
std::optional<AtomicFile> begin_per_row(const std::string& path) {
    if (path.empty()) return std::nullopt;
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        throw UserError("PATH", "--per-row", path, "is a folder", "name a file");
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

void write_per_row(AtomicFile& file, const std::vector<Example>& rows, const std::vector<RowScore>& scores) {
    for (size_t i = 0; i < scores.size(); ++i)
        file.write(json_line({{"row", rows[i].row},
                              {"nll", scores[i].nll()},
                              {"tokens", scores[i].token_nll.size()},
                              {"token_nll", scores[i].token_nll},
                              {"greedy_match", scores[i].greedy_match}}));
}

// All rows, in order: one that training would drop has no token to be scored.
std::vector<Example> read_rows(DatasetReader& reader, const DataOptions& data, const ModelConfig& config) {
    std::vector<Example> examples;
    size_t longest = 1;
    for (DataRow row; reader.next(row);) {
        if (row.dropped) row.example.ids.clear(), row.example.labels.clear();
        longest = std::max(longest, row.example.ids.size());
        examples.push_back(row.example);
    }
    if (examples.empty()) throw UserError("DATA", data.dataset, "", "has no row", "give at least one");
    if (static_cast<int64_t>(longest) > config.max_position_embeddings)
        log::note(
            fmt::format("a row of {} tokens passes the model's {} positions", longest, config.max_position_embeddings));
    if (const int64_t cut = reader.counts().truncated; cut > 0)
        log::note(fmt::format("{} of {} rows cut to {} tokens", cut, examples.size(), data.max_seq_length));
    if (const auto& dropped = reader.counts().dropped; !dropped.empty())
        log::note(fmt::format("{} of {} rows are not scored, the first at {}: {}", dropped.size(), examples.size(),
                              dropped.front().where, dropped.front().reason));
    return examples;
}

void print_report(const std::vector<RowScore>& scores, const Metrics& metrics, const EvalOptions& eval,
                  const std::string& dataset) {
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
    Flags flags("eval", "scores rows: negative log likelihood, perplexity, greedy accuracy");
    flags.add(options);
    flags.group("data");
    data.visit(flags);
    flags.add(eval);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"model", "dataset"});
    data.validate();
    const Metrics metrics = metrics_of(eval.metric);
    std::optional<AtomicFile> per_row = begin_per_row(eval.per_row);

    const auto model = open_model(options.model);
    const ModelConfig config = read_model_config(*model);
    const std::optional<Tokenizer> tokenizer = read_tokenizer(data, *model, config);
    const RowContext context = {.tokenizer = tokenizer ? &*tokenizer : nullptr, .vocab_size = config.vocab_size};
    DatasetReader reader(split_file_list(data.dataset, "--dataset"), data, context);
    const std::vector<Example> examples = read_rows(reader, data, config);
    int64_t longest = 1;
    for (const Example& e : examples) longest = std::max(longest, static_cast<int64_t>(e.ids.size()));

    const int64_t tokens = std::max(longest, eval.tokens_per_microbatch);
    Inference inference = open_inference(options, *model, config, tokens, [&](Session& dry) {
        Run run = dry.run();
        dry.model().evaluate(dry.slots().upload(full_batch(tokens, tokens), run), run);
    });
    Run run = inference.session->run();
    log::release();
    const std::vector<RowScore> scores = score_rows(examples, tokens, *inference.session, run);
    if (per_row) {
        write_per_row(*per_row, examples, scores);
        per_row->commit();
    }
    print_report(scores, metrics, eval, data.dataset);
    return 0;
}

}   // namespace llmft
