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
    std::string metric = "perplexity";
    std::string per_row;
    int64_t tokens_per_microbatch = 1024;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("evaluation");
        v("metric", metric, "what to report", {.one_of = "perplexity"});
        v("per-row", per_row, "file for a JSON line per row: row, nll, tokens, token_nll, greedy_match");
        v("tokens-per-microbatch", tokens_per_microbatch, "tokens computed at once; changes speed and memory only",
          {.at_least = 1, .at_most = 1 << 24});
        v.group("output");
        v("json", json, "one JSON document on stdout");
    }
};

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

void write_per_row(const std::string& path, const std::vector<int64_t>& rows, const std::vector<RowScore>& scores) {
    AtomicFile file(path);
    for (size_t i = 0; i < scores.size(); ++i)
        file.write(json_line({{"row", rows[i]},
                              {"nll", scores[i].nll()},
                              {"tokens", scores[i].token_nll.size()},
                              {"token_nll", scores[i].token_nll},
                              {"greedy_match", scores[i].greedy_match}}));
    file.commit();
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

    const auto model = open_model(options.model);
    const ModelConfig config = read_model_config(*model);
    const std::optional<Tokenizer> tokenizer = read_tokenizer(data, *model, config);
    const RowContext context = {.tokenizer = tokenizer ? &*tokenizer : nullptr, .vocab_size = config.vocab_size};
    DatasetReader reader(split_file_list(data.dataset, "--dataset"), data, context);
    std::vector<Example> examples;   // no row is dropped here
    int64_t longest = 1;
    for (DataRow row; reader.next(row);) {
        longest = std::max(longest, static_cast<int64_t>(row.example.ids.size()));
        examples.push_back(row.example);
    }
    if (longest > config.max_position_embeddings)
        log::note(
            fmt::format("a row of {} tokens passes the model's {} positions", longest, config.max_position_embeddings));
    if (examples.empty()) throw UserError("DATA", data.dataset, "", "has no row", "give at least one");
    if (const int64_t cut = reader.counts().truncated; cut > 0)
        log::note(fmt::format("{} of {} rows cut to {} tokens", cut, examples.size(), data.max_seq_length));
    std::vector<int64_t> rows;
    for (const Example& e : examples) rows.push_back(e.row);

    const int64_t tokens = std::max(longest, eval.tokens_per_microbatch);
    Inference inference = open_inference(options, *model, config, tokens, [&](Session& dry) {
        Run run = dry.run();
        dry.model().evaluate(dry.slots().upload(full_batch(tokens, tokens), run), run);
    });
    Run run = inference.session->run();
    log::release();
    const std::vector<RowScore> scores = score_rows(examples, tokens, *inference.session, run);
    if (!eval.per_row.empty()) write_per_row(eval.per_row, rows, scores);

    double nll = 0;
    int64_t scored = 0, matched = 0;
    for (const RowScore& s : scores) {
        nll += std::accumulate(s.token_nll.begin(), s.token_nll.end(), 0.0);
        scored += static_cast<int64_t>(s.token_nll.size());
        matched += s.greedy_match;
    }
    if (scored == 0) log::warn(data.dataset + ": no token of any row is to be scored; there is no loss");
    const double mean = nll / static_cast<double>(scored),
                 accuracy = static_cast<double>(matched) / static_cast<double>(scored);
    if (eval.json)
        fmt::print("{}", json_line({{"rows", scores.size()},
                                    {"tokens", scored},
                                    {"loss", mean},
                                    {"perplexity", std::exp(mean)},
                                    {"token_accuracy", accuracy}}));
    else
        fmt::print("rows {}\ntokens {}\nloss {:.6f}\nperplexity {:.4f}\ntoken accuracy {:.4f}\n", scores.size(), scored,
                   mean, std::exp(mean), accuracy);
    return 0;
}

}   // namespace llmft
