// What a row is. A format is a reader of its own file here and a line in the table of format.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/options.h"
#include "data/tokenizer/tokenizer.h"
#include "engine/io/json_field.h"

namespace llmft {

// A row made tokens. labels are unshifted, as long as ids: the token itself where it is learned, else kNoLoss.
struct TokenizedRow {
    std::vector<int32_t> ids, labels;
    std::string text;           // what was tokenised; rows of tokens: what they decode to
    bool eos_is_text = false;   // the end-of-text string was appended and did not become its token
    bool boundary_in_token =
        false;   // the prompt's own tokens are not how the whole begins: the mask follows their number
};

// What formats need to know. `tokenizer` may be null for rows of tokens.
struct RowContext {
    const Tokenizer* tokenizer;
    int64_t vocab_size;   // rows of the embedding: ids are below it
};

class RowFormatReader {
public:
    virtual ~RowFormatReader() = default;
    virtual TokenizedRow read(const JsonField& row) const = 0;
    virtual std::vector<std::string> fields() const = 0;   // those it uses; others are named once
    virtual std::string describe() const = 0;              // one line: what is learned and what is appended
};

struct RowFormat {
    const char* name;
    bool (*recognises)(const Json& row, const DataOptions& options);
    std::unique_ptr<RowFormatReader> (*make)(const RowContext& context, const DataOptions& options);
};

// In the order in which a row is asked.
std::span<const RowFormat> row_formats();
const RowFormat& row_format(std::string_view name);
// The format that recognises the row, or null.
const RowFormat* recognise(const Json& row, const DataOptions& options);

// Used by the text formats.
enum class Eos { kAppend, kLeave };
Eos eos_rule(const RowContext& context, const DataOptions& options, bool on_by_default);
// `text` + the end-of-text string, unless it ends with it.
std::string with_eos(std::string text, Eos rule, const RowContext& context);
bool eos_became_text(const std::vector<int32_t>& ids, Eos rule, const RowContext& context);

std::unique_ptr<RowFormatReader> make_text_format(const RowContext& context, const DataOptions& options);
std::unique_ptr<RowFormatReader> make_prompt_completion_format(const RowContext& context, const DataOptions& options);
std::unique_ptr<RowFormatReader> make_tokens_format(const RowContext& context, const DataOptions& options);

}   // namespace llmft
