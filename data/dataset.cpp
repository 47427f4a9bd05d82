#include "data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/order.h"
#include "engine/io/quote.h"
#include "engine/train/batch.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr size_t kNamedFields = 10;
constexpr const char* kKnownFormats =
    "llmft reads rows of \"text\", of \"prompt\" and \"completion\", and of \"input_ids\"";

std::string field_names(const Json& row) {
    std::string names;
    size_t count = 0;
    for (const auto& [name, value] : row.items()) {
        if (++count > kNamedFields) break;
        names.append(names.empty() ? "" : ", ").append(in_quotes(name, 24));
    }
    return names.empty() ? "no field" : names;
}

// What other tools make of rows that this version cannot read, or nullptr.
const char* kind_of_the_unread(const Json& row) {
    if (row.contains("chosen") || row.contains("rejected")) return "a preference pair";
    if (row.contains("messages") || row.contains("conversations")) return "a conversation";
    return nullptr;
}

[[noreturn]] void refuse_format(const Json& row, const std::string& where) {
    const std::string fields = field_names(row);
    const char* kind = kind_of_the_unread(row);
    throw UserError("SCHEMA", where, "",
                    kind == nullptr ? fmt::format("the row has {}: no known format", fields)
                                    : fmt::format("the row is {} ({}): not built yet", kind, fields),
                    fmt::format("{}, or name another text field with --dataset-text-field", kKnownFormats));
}

}   // namespace

int64_t loss_tokens_of(const Example& example) {
    if (example.labels.empty()) return 0;
    return std::count_if(example.labels.begin() + 1, example.labels.end(),
                         [](int32_t label) { return label != kNoLoss; });
}

DatasetReader::DatasetReader(std::vector<std::string> files, const DataOptions& options, const RowContext& context)
    : files_(std::move(files)), options_(options), context_(context) {
    options_.validate();
}

bool DatasetReader::next_json(Json& row) {
    while (true) {
        if (!rows_) {
            if (next_file_ == files_.size()) return false;
            rows_.emplace(files_[next_file_++], options_.max_line_mib << 20);
        }
        if (rows_->next(row)) return true;
        counts_.blank_lines += rows_->blank_lines();
        rows_.reset();
    }
}

void DatasetReader::choose_format(const Json& row, const std::string& where) {
    first_where_ = where;
    format_ = options_.dataset_format == "auto" ? recognise(row, options_) : &row_format(options_.dataset_format);
    if (format_ == nullptr) refuse_format(row, where);
    if (const RowFormat* other = recognise(row, options_);
        options_.dataset_format != "auto" && other != nullptr && !format_->recognises(row, options_))
        throw UserError("SCHEMA", where, "",
                        fmt::format("the row is {}, --dataset-format is {}", other->name, format_->name),
                        "leave --dataset-format at auto");
    if (context_.tokenizer == nullptr && std::string_view(format_->name) != "tokens")
        throw UserError("MISSING", where, "", fmt::format("{} rows need a tokenizer", format_->name),
                        "put tokenizer.json into the model folder, or give rows of tokens");
    reader_ = format_->make(context_, options_);
}

void DatasetReader::expect_same_format(const Json& row, const std::string& where) const {
    if (format_->recognises(row, options_)) return;
    const RowFormat* other = recognise(row, options_);
    throw UserError("SCHEMA", where, "",
                    other == nullptr
                        ? fmt::format("the row has {}, but {} is {}", field_names(row), first_where_, format_->name)
                        : fmt::format("the row is {}, but {} is {}", other->name, first_where_, format_->name),
                    "give rows of one format");
}

void DatasetReader::note_fields(const Json& row) {
    const std::vector<std::string> used = reader_->fields();
    for (const auto& [name, value] : row.items())
        if (counts_.unused_fields.size() < kNamedFields && std::find(used.begin(), used.end(), name) == used.end())
            counts_.unused_fields.insert(in_quotes(name));
}

void DatasetReader::limit_length(DataRow& row) {
    const auto most = static_cast<size_t>(options_.max_seq_length);
    Example& example = row.example;
    if (example.ids.size() > most) {
        if (options_.truncation == "error")
            throw UserError("DATA", row.where, "",
                            fmt::format("the row has {} tokens, --max-seq-length is {}", example.ids.size(), most),
                            "raise --max-seq-length, or use --truncation right or drop");
        if (options_.truncation == "drop") {
            row.dropped = fmt::format("{} tokens are more than --max-seq-length {}", example.ids.size(), most);
            return;
        }
        row.truncated = true;
        ++counts_.truncated;
        if (counts_.cut.size() < DataCounts::kMostNamed) counts_.cut.push_back(row.where);
        example.ids.resize(most);
        example.labels.resize(most);
    }
    if (loss_tokens_of(example) == 0)
        row.dropped = row.truncated ? "no token to learn is left after truncation" : "no token to learn";
}

bool DatasetReader::next(DataRow& row) {
    Json json;
    if (!next_json(json)) return false;
    row = {.example = {.ids = {}, .labels = {}, .row = counts_.rows++},
           .text = "",
           .where = rows_->where(),
           .truncated = false,
           .dropped = {}};
    if (format_ == nullptr) choose_format(json, row.where);
    if (options_.dataset_format == "auto") expect_same_format(json, row.where);
    note_fields(json);
    TokenizedRow tokenized = reader_->read(JsonField(json, row.where, ""));
    row.example.ids = std::move(tokenized.ids);
    row.example.labels = std::move(tokenized.labels);
    row.text = std::move(tokenized.text);
    counts_.eos_as_text += tokenized.eos_is_text;
    counts_.boundary_in_token += tokenized.boundary_in_token;
    limit_length(row);
    if (row.dropped) counts_.dropped.push_back({row.example.row, row.where, *row.dropped});
    return true;
}

std::vector<std::string> DatasetReader::notes() const {
    std::vector<std::string> notes;
    if (!reader_) return notes;
    notes.push_back(reader_->describe());
    if (!counts_.unused_fields.empty())
        notes.push_back(fmt::format("fields not used: {}", fmt::join(counts_.unused_fields, ", ")));
    if (counts_.truncated > 0)
        notes.push_back(
            fmt::format("{} of {} rows cut to {} tokens", counts_.truncated, counts_.rows, options_.max_seq_length));
    if (!counts_.dropped.empty())
        notes.push_back(fmt::format("{} of {} rows dropped, the first at {}: {}", counts_.dropped.size(), counts_.rows,
                                    counts_.dropped.front().where, counts_.dropped.front().reason));
    if (counts_.eos_as_text > 0)
        notes.push_back(fmt::format(
            "in {} rows the appended {} is not read as one token by tokenizer.json: the model will not learn to stop",
            counts_.eos_as_text, context_.tokenizer->special_tokens().eos->text));
    if (counts_.boundary_in_token > 0)
        notes.push_back(fmt::format(
            "in {} rows a token crosses from prompt to completion: the mask follows the prompt's number of tokens",
            counts_.boundary_in_token));
    if (counts_.blank_lines > 0) notes.push_back(fmt::format("{} blank lines", counts_.blank_lines));
    return notes;
}

int64_t Dataset::tokens() const {
    return std::accumulate(examples.begin(), examples.end(), int64_t{0},
                           [](int64_t sum, const Example& e) { return sum + static_cast<int64_t>(e.ids.size()); });
}

int64_t Dataset::loss_tokens() const {
    return std::accumulate(examples.begin(), examples.end(), int64_t{0},
                           [](int64_t sum, const Example& e) { return sum + loss_tokens_of(e); });
}

Dataset read_dataset(const std::vector<std::string>& files, const DataOptions& options, const RowContext& context) {
    DatasetReader reader(files, options, context);
    Dataset dataset;
    for (DataRow row; reader.next(row);)
        if (!row.dropped) dataset.examples.push_back(std::move(row.example));
    dataset.counts = reader.counts();
    dataset.notes = reader.notes();
    if (!dataset.examples.empty()) return dataset;
    const std::string names = fmt::format("{}", fmt::join(files, ","));
    if (dataset.counts.rows == 0) throw UserError("DATA", names, "", "has no row", "give at least one");
    const std::string& reason = dataset.counts.dropped.front().reason;
    const bool cut = reason.find("--max-seq-length") != std::string::npos;
    throw UserError(
        "DATA", names, "",
        fmt::format("nothing to learn: all {} rows are dropped, the first because {}", dataset.counts.rows, reason),
        cut ? "raise --max-seq-length" : "give rows with text, or labels that are not all -100");
}

std::vector<Example> hold_out(Dataset& dataset, double share, int64_t seed) {
    const auto count = static_cast<int64_t>(dataset.examples.size());
    const auto out = static_cast<int64_t>(std::ceil(share * static_cast<double>(count)));
    if (out >= count)
        throw UserError("DATA", "--eval-split", "",
                        fmt::format("takes {} of {} rows: none is left to learn from", out, count), "lower it");
    std::vector<int64_t> chosen = random_permutation(count, seed);
    chosen.resize(static_cast<size_t>(out));
    std::vector<bool> taken(static_cast<size_t>(count));
    for (const int64_t i : chosen) taken[static_cast<size_t>(i)] = true;
    std::vector<Example> held, kept;
    for (size_t i = 0; i < taken.size(); ++i) (taken[i] ? held : kept).push_back(std::move(dataset.examples[i]));
    dataset.examples = std::move(kept);
    return held;
}

std::vector<MaskPiece> mask_pieces(const Example& example, const Tokenizer& tokenizer) {
    std::vector<MaskPiece> pieces;
    const auto text_until = [&](size_t end) {
        return tokenizer.decode(std::span(example.ids).first(end), SkipSpecialTokens::kNo);
    };
    size_t shown = 0;   // bytes of the decoded whole
    for (size_t begin = 0; begin < example.ids.size();) {
        const bool learned = example.labels[begin] != kNoLoss;
        size_t end = begin + 1;
        while (end < example.ids.size() && (example.labels[end] != kNoLoss) == learned) ++end;
        const std::string text = text_until(end);
        pieces.push_back({text.substr(std::min(shown, text.size())), learned});
        shown = std::max(shown, text.size());
        begin = end;
    }
    return pieces;
}

}   // namespace llmft
