#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "data/dataset.h"
#include "engine/io/json_field.h"
#include "engine/train/batch.h"
#include "tools/flags.h"
#include "tools/inspect/inspection.h"
#include "tools/mask_text.h"
#include "tools/open_model.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

struct DataReport {
    std::string model;
    int64_t show = 3;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("inspect");
        v("model", model, "model folder; one with tokenizer files alone will do");
        v("show", show, "rows to print with their masks", {.at_least = 0, .at_most = 1 << 20});
        v.group("output");
        v("json", json, "a JSON line for every row: row, input_ids, labels, text, and dropped where it would be");
    }
};

// Rows that a whole file of them is summed up by.
struct LengthCount {
    std::vector<int64_t> tokens;
    int64_t loss_tokens = 0;

    void add(const DataRow& row) {
        tokens.push_back(static_cast<int64_t>(row.example.ids.size()));
        loss_tokens += loss_tokens_of(row.example);
    }
    std::string text() {
        if (tokens.empty()) return "none";
        std::sort(tokens.begin(), tokens.end());
        const auto at = [&](double share) {   // the least that as large a share is up to
            return tokens[static_cast<size_t>(std::ceil(share * static_cast<double>(tokens.size()))) - 1];
        };
        return fmt::format("{} to {}, half are up to {}, nine of ten up to {}", tokens.front(), tokens.back(), at(0.5),
                           at(0.9));
    }
    int64_t sum() const {
        int64_t total = 0;
        for (const int64_t t : tokens) total += t;
        return total;
    }
};

// Rows of the embedding, where config.json says it; nothing else of the model matters here.
int64_t vocabulary(const ModelSource& model, const Tokenizer* tokenizer) {
    constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
    if (!model.has("config.json")) return tokenizer != nullptr ? tokenizer->vocab_size() : kMost;
    const Json config = model.json("config.json", JsonLimits{});
    const int64_t rows = JsonField(config, model.label("config.json"), "").at("vocab_size").integer(1, kMost);
    if (tokenizer != nullptr) expect_vocabulary_fits(*tokenizer, rows, model.path());
    return rows;
}

void print_row(const DataRow& row, const Tokenizer* tokenizer) {
    constexpr int64_t kShown = 400;   // tokens
    const Example& example = row.example;
    fmt::print("\nrow {} ({}): {} tokens, {} learned{}\n", example.row, row.where, example.ids.size(),
               loss_tokens_of(example), row.dropped ? "; dropped: " + *row.dropped : "");
    if (tokenizer != nullptr) {
        fmt::print("{}\n", mask_text(example, *tokenizer, kShown, colour_on(STDOUT_FILENO)));
        return;
    }
    const size_t shown = std::min<size_t>(kShown, example.ids.size());
    for (size_t i = 0; i < shown; ++i)
        fmt::print("{}", example.labels[i] == kNoLoss ? fmt::format("⟦{}⟧ ", example.ids[i])
                                                      : fmt::format("{} ", example.ids[i]));
    fmt::print("{}\n", shown < example.ids.size() ? "…" : "");
}

void print_summary(const DataOptions& data, const DatasetReader& reader, LengthCount& kept) {
    const DataCounts& counts = reader.counts();
    const int64_t tokens = kept.sum();
    Sheet sheet;
    sheet.blank();
    sheet.title(data.dataset);
    sheet.row("rows", fmt::format("{}, {} dropped, {} cut", counts.rows, counts.dropped.size(), counts.truncated));
    sheet.row(
        "tokens",
        fmt::format("{}, {:.1f} % carry loss", grouped_digits(tokens),
                    tokens == 0 ? 0.0 : 100 * static_cast<double>(kept.loss_tokens) / static_cast<double>(tokens)));
    sheet.row("tokens a row", kept.text());
    bool first = true;
    for (const std::string& note : reader.notes()) {
        sheet.row(first ? "notes" : "", note);
        first = false;
    }
    constexpr size_t kListed = 5;
    for (size_t i = 0; i < std::min(kListed, counts.dropped.size()); ++i)
        sheet.row(i == 0 ? "dropped" : "", counts.dropped[i].where + ": " + counts.dropped[i].reason);
    if (counts.dropped.size() > kListed) sheet.row("", fmt::format("and {} more", counts.dropped.size() - kListed));
    fmt::print("{}", sheet.text());
}

}   // namespace

int inspect_data(const std::vector<std::string>& arguments) {
    DataReport report;
    DataOptions data;
    Flags flags("inspect data", "rows as training sees them: tokens, labels, what would be dropped");
    flags.add(report);
    flags.group("data");
    data.visit(flags);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"model", "dataset"});
    data.validate();

    const auto model = open_model(report.model);
    if (!exists(Path(report.model)))
        throw UserError("MISSING", report.model, "", "no such folder", "give a folder with tokenizer.json");
    std::optional<Tokenizer> tokenizer;
    if (data.dataset_format != "tokens" && (data.dataset_format != "auto" || model->has("tokenizer.json")))
        tokenizer = Tokenizer::load(*model);
    const int64_t vocab_size = vocabulary(*model, tokenizer ? &*tokenizer : nullptr);
    DatasetReader reader(split_file_list(data.dataset, "--dataset"), data,
                         {.tokenizer = tokenizer ? &*tokenizer : nullptr, .vocab_size = vocab_size});
    LengthCount kept;
    for (DataRow row; reader.next(row);) {
        if (report.json) {
            OrderedJson line = {{"row", row.example.row},
                                {"input_ids", row.example.ids},
                                {"labels", row.example.labels},
                                {"text", row.text}};
            if (row.dropped) line["dropped"] = *row.dropped;
            fmt::print("{}", json_line(line));
            continue;
        }
        if (row.example.row < report.show) print_row(row, tokenizer ? &*tokenizer : nullptr);
        if (!row.dropped) kept.add(row);
    }
    if (!report.json) print_summary(data, reader, kept);
    return 0;
}

}   // namespace llmft
