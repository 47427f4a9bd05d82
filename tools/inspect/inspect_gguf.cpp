#include <fmt/format.h>

#include "engine/io/gguf.h"
#include "tools/inspect/finding.h"
#include "tools/inspect/inspection.h"
#include "tools/inspect/tensors.h"
#include "tools/open_model.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

std::string text_value(const Gguf& gguf, const char* key) {
    const auto value = gguf.find_value(key);
    return value && value->kind() == GgufKind::kString ? std::string(value->text()) : "";
}

}   // namespace

Inspection inspect_gguf(const Path& path, const InspectOptions& options) {
    const Gguf gguf = Gguf::open(path);
    TensorTotals totals;
    OrderedJson list = OrderedJson::array();
    std::vector<std::vector<std::string>> table = {{"tensor", "type", "shape", "size"}};
    for (const GgufTensor& tensor : gguf.tensors()) {
        const auto bytes = static_cast<int64_t>(tensor.bytes.size());
        const std::string type(tensor.type->name);
        totals.add(type, tensor.shape(), bytes);
        list.push_back({{"name", tensor.name}, {"type", type}, {"shape", tensor.shape()}, {"bytes", bytes}});
        table.push_back({std::string(tensor.name), type, shape_text(tensor.shape()), bytes_text(bytes)});
    }
    gguf.expect_intact();

    std::optional<Inspection> model;   // where llmft knows the architecture
    const std::optional<std::string> foreign =
        reason_against([&] { model = inspect_model(*open_model(path.string())); });
    const std::string architecture = text_value(gguf, "general.architecture");
    Sheet sheet;
    if (!model) sheet.title(fmt::format("{}: a GGUF file, {}", path.string(), architecture));
    sheet.row("GGUF", fmt::format("{}; {}", architecture, text_value(gguf, "general.name")));
    sheet.row("stored", fmt::format("{}; {}", bytes_text(totals.whole.bytes), totals.text()));
    if (foreign) sheet.row("llmft cannot", *foreign);
    if (options.tensors) {
        sheet.blank();
        sheet.table(table);
    }
    Inspection found = {{{"kind", "gguf"}}, model ? model->page + sheet.text() : sheet.text()};
    if (model) found.json.update(model->json);
    found.json["kind"] = "gguf";
    found.json["path"] = path.string();
    found.json["architecture"] = architecture;
    found.json["name"] = text_value(gguf, "general.name");
    found.json["bytes"] = totals.whole.bytes;
    found.json["types"] = totals.json();
    found.json["tensor_list"] = std::move(list);
    if (foreign) found.json["problems"] = {*foreign};
    return found;
}

}   // namespace llmft
