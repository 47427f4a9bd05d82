#include <fmt/format.h>

#include "data/jsonl.h"
#include "data/options.h"
#include "data/template/template.h"
#include "tools/flags.h"
#include "tools/inspect/inspection.h"

namespace llmft {
namespace {

struct TemplateReport {
    std::string template_file;
    std::string dataset;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("inspect");
        v("template", template_file, "chat template (Jinja)");
        v("dataset", dataset, "JSONL; every key of a row is a variable: messages, tools, add_generation_prompt, ...");
        v.group("output");
        v("json", json, "a JSON line for every row: text, or error");
    }
};

constexpr int64_t kLongestRow = int64_t{64} << 20;
constexpr JsonLimits kRow = {.bytes = kLongestRow,
                             .string_bytes = kLongestRow,
                             .values = int64_t{1} << 22,
                             .huge_integers = HugeIntegers::kDoubles};

void print_row(const Template& chat, const OrderedJson& row, bool json) {
    OrderedJson line;
    try {
        line = {{"text", chat.render(row).text}};
    } catch (const TemplateError& error) {
        line = {{"error", error.reason()}};
    }
    if (json)
        fmt::print("{}", json_line(line));
    else
        fmt::print("{}{}\n", line.contains("error") ? "error: " : "", line.begin()->get<std::string>());
}

}   // namespace

int inspect_template(const std::vector<std::string>& arguments) {
    constexpr int64_t kLargestTemplate = int64_t{16} << 20;   // a template's own limit is lower
    TemplateReport report;
    Flags flags("inspect template", "what a chat template makes of rows");
    flags.add(report);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    flags.require({"template", "dataset"});
    const Template chat(read_file(report.template_file, kLargestTemplate), report.template_file);
    for (const std::string& file : split_file_list(report.dataset, "--dataset")) {
        LineReader lines(file, kLongestRow);
        for (std::string line; lines.next(line);) {
            if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
            const OrderedJson row = parse_ordered_json(line, lines.where(), kRow);
            if (!row.is_object())
                throw UserError("SCHEMA", lines.where(), "", fmt::format("the row is {}", row.type_name()),
                                "write an object of variables a line");
            print_row(chat, row, report.json);
        }
    }
    return 0;
}

// A template's file alone: whether it is one.
Inspection inspect_template_file(const Path& path) {
    constexpr int64_t kLargestTemplate = int64_t{16} << 20;
    const std::string text = read_file(path, kLargestTemplate);
    const Template chat(text, path.string());
    const bool marks =
        text.find("generation %}") != std::string::npos || text.find("generation -%}") != std::string::npos;
    return {
        {{"kind", "template"}, {"path", path.string()}, {"bytes", text.size()}, {"marks_generation", marks}},
        fmt::format("{}: a chat template, {} bytes\n  {}\nnext: llmft inspect template --template {} --dataset FILE\n",
                    path.string(), text.size(),
                    marks ? "it marks what the assistant says" : "it does not mark what the assistant says",
                    path.string())};
}

}   // namespace llmft
