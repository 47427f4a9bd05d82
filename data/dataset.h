// Files of rows made examples: tokenised, cut or dropped by length, counted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "data/formats/format.h"
#include "data/jsonl.h"
#include "data/options.h"

namespace llmft {

// One row to learn from. labels as in TokenizedRow.
struct Example {
    std::vector<int32_t> ids, labels;
    int64_t row;   // among the rows of all files, from 0; blank lines are no rows
};

int64_t loss_tokens_of(const Example& example);   // positions whose next token is learned

// A row as it came, also one that will not be learned from.
struct DataRow {
    Example example;
    std::string text;    // see TokenizedRow; of a row that was cut, still the whole
    std::string where;   // "FILE:LINE"
    bool truncated = false;
    std::optional<std::string> dropped;   // why
};

struct DroppedRow {
    int64_t row;
    std::string where, reason;
};

struct DataCounts {
    static constexpr size_t kMostNamed = 100;
    int64_t rows = 0, truncated = 0, blank_lines = 0;
    std::vector<std::string> cut;   // where the truncated ones are, the first kMostNamed
    std::vector<DroppedRow> dropped;
    std::set<std::string> unused_fields;
    int64_t eos_as_text = 0, boundary_in_token = 0;   // rows, see TokenizedRow
};

// Reads rows one by one. Files of one run have one format: the first row's, or what --dataset-format says; a row of
// another is refused by both rows' names.
class DatasetReader {
public:
    // The tokenizer, where there is one, must outlive the reader.
    DatasetReader(std::vector<std::string> files, const DataOptions& options, const RowContext& context);
    bool next(DataRow& row);

    const DataCounts& counts() const { return counts_; }
    // What to tell the user, one line each: the format and what it means, then what the counts give cause for. Complete
    // at the end.
    std::vector<std::string> notes() const;

private:
    bool next_json(Json& row);
    void choose_format(const Json& row, const std::string& where);
    void expect_same_format(const Json& row, const std::string& where) const;
    void note_fields(const Json& row);
    void limit_length(DataRow& row);

    std::vector<std::string> files_;
    DataOptions options_;
    RowContext context_;
    size_t next_file_ = 0;
    std::optional<RowReader> rows_;
    const RowFormat* format_ = nullptr;
    std::unique_ptr<RowFormatReader> reader_;
    std::string first_where_;
    DataCounts counts_;
};

struct Dataset {
    std::vector<Example> examples;
    DataCounts counts;
    std::vector<std::string> notes;

    int64_t tokens() const;
    int64_t loss_tokens() const;
};

// All rows of the files. Refused (DATA) if none is left to learn from.
Dataset read_dataset(const std::vector<std::string>& files, const DataOptions& options, const RowContext& context);

// Moves `share` of the examples (rounded up, chosen by the seed, order kept) out of `dataset`. Refused if nothing
// stays.
std::vector<Example> hold_out(Dataset& dataset, double share, int64_t seed);

// The example's text cut where the mask changes; the pieces together are the decoded whole.
struct MaskPiece {
    std::string text;
    bool learned;
};
std::vector<MaskPiece> mask_pieces(const Example& example, const Tokenizer& tokenizer);

}   // namespace llmft
