// JSONL without a tokenizer: how many rows, of which format, with which fields.
#include <fmt/format.h>

#include <map>

#include "data/formats/format.h"
#include "data/jsonl.h"
#include "engine/io/quote.h"
#include "tools/inspect/inspection.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

struct FieldCount {
    int64_t rows = 0;
    std::map<std::string, int64_t> types;
    int64_t text_bytes = 0, longest_text = 0;
};

constexpr size_t kMostFields = 64;   // a file may have another name in every row

void count_fields(const Json& row, std::map<std::string, FieldCount>& fields) {
    for (const auto& [name, value] : row.items()) {
        if (fields.size() == kMostFields && !fields.contains(name)) continue;
        FieldCount& field = fields[name];
        ++field.rows;
        ++field.types[value.type_name()];
        if (!value.is_string()) continue;
        const auto bytes = static_cast<int64_t>(value.get_ref<const std::string&>().size());
        field.text_bytes += bytes;
        field.longest_text = std::max(field.longest_text, bytes);
    }
}

std::string types_text(const FieldCount& field) {
    std::string text;
    for (const auto& [type, rows] : field.types) text += (text.empty() ? "" : ", ") + type;
    return text;
}

}   // namespace

Inspection inspect_rows(const Path& path) {
    const DataOptions options;
    RowReader reader(path, options.max_line_mib << 20);
    int64_t rows = 0;
    std::map<std::string, int64_t> formats;
    std::map<std::string, FieldCount> fields;
    for (Json row; reader.next(row); ++rows) {
        const RowFormat* format = recognise(row, options);
        ++formats[format == nullptr ? "unknown" : format->name];
        count_fields(row, fields);
    }

    Sheet sheet;
    sheet.title(path.string() + ": rows of JSON");
    sheet.row("rows", fmt::format("{}, {} blank lines", rows, reader.blank_lines()));
    OrderedJson by_format = OrderedJson::object(), by_field = OrderedJson::object();
    for (const auto& [name, count] : formats) {
        by_format[name] = count;
        sheet.row(by_format.size() == 1 ? "format" : "", fmt::format("{}: {} rows", name, count));
    }
    std::vector<std::vector<std::string>> table = {{"field", "rows", "type", "mean bytes", "longest"}};
    for (const auto& [name, field] : fields) {
        by_field[name] = {{"rows", field.rows}, {"types", OrderedJson::array()}, {"longest_text", field.longest_text}};
        for (const auto& [type, count] : field.types) by_field[name]["types"].push_back(type);
        const auto texts = field.types.find("string");
        const bool text = texts != field.types.end();
        table.push_back({in_quotes(name, 40), std::to_string(field.rows), types_text(field),
                         text ? std::to_string(field.text_bytes / texts->second) : "",
                         text ? std::to_string(field.longest_text) : ""});
    }
    if (formats.size() > 1) sheet.row("", "llmft reads rows of one format: it refuses the first that differs");
    if (!fields.empty()) {
        sheet.blank();
        sheet.table(table);
    }
    sheet.blank();
    sheet.title(fmt::format("next: llmft inspect data --model DIR --dataset {}   # tokens, labels, what is dropped",
                            path.string()));
    return {{{"kind", "rows"},
             {"path", path.string()},
             {"rows", rows},
             {"blank_lines", reader.blank_lines()},
             {"formats", std::move(by_format)},
             {"fields", std::move(by_field)}},
            sheet.text()};
}

}   // namespace llmft
