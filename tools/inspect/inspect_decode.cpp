#include <fmt/format.h>

#include <limits>

#include "data/dataset.h"
#include "data/tokenizer/tokenizer.h"
#include "engine/io/json_field.h"
#include "tools/flags.h"
#include "tools/inspect/inspection.h"
#include "tools/open_model.h"

namespace llmft {
namespace {

struct DecodeReport {
    std::string model;
    std::string dataset;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("inspect");
        v("model", model, "model folder; one with tokenizer files alone will do");
        v("dataset", dataset, "JSONL of {\"ids\": [...]}");
        v.group("output");
        v("json", json, "a JSON line for every row: text, text_with_special");
    }
};

std::vector<int32_t> ids_of(const JsonField& row) {
    std::vector<int32_t> ids;
    for (const JsonField& id : row.at("ids").items())
        ids.push_back(static_cast<int32_t>(id.integer(0, std::numeric_limits<int32_t>::max())));
    return ids;
}

}   // namespace

int inspect_decode(const std::vector<std::string>& arguments) {
    DecodeReport report;
    Flags flags("inspect decode", "the text that tokens stand for");
    flags.add(report);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"model", "dataset"});
    const Tokenizer tokenizer = Tokenizer::load(*open_model(report.model));
    for (const std::string& file : split_file_list(report.dataset, "--dataset")) {
        RowReader rows(file, DataOptions{}.max_line_mib << 20);
        for (Json row; rows.next(row);) {
            const std::vector<int32_t> ids = ids_of(JsonField(row, rows.where(), ""));
            const std::string text = tokenizer.decode(ids, SkipSpecialTokens::kYes);
            const std::string whole = tokenizer.decode(ids, SkipSpecialTokens::kNo);
            if (report.json)
                fmt::print("{}", json_line({{"text", text}, {"text_with_special", whole}}));
            else
                fmt::print("{}\n", whole);
        }
    }
    return 0;
}

}   // namespace llmft
