#include <fmt/format.h>

#include "tools/inspect/inspection.h"
#include "tools/inspect/tensors.h"
#include "tools/sheet.h"

namespace llmft {

Inspection inspect_safetensors(const Path& path, const InspectOptions& options) {
    constexpr int64_t kCheap = int64_t{1} << 30;   // bytes whose values are looked at unasked: a second or two
    constexpr size_t kListed = 12;
    constexpr size_t kNamed = 3;
    const Safetensors file = Safetensors::open(path);
    TensorTotals totals;
    for (const SafeTensor& tensor : file.tensors()) totals.add(tensor);
    const bool count = options.values.value_or(totals.whole.bytes <= kCheap);

    NonFinite all;
    std::vector<std::string> spoiled;
    OrderedJson list = OrderedJson::array();
    std::vector<std::vector<std::string>> table = {{"tensor", "dtype", "shape", "size"}};
    for (const SafeTensor& tensor : file.tensors()) {
        OrderedJson entry = {
            {"name", tensor.name}, {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"bytes", tensor.bytes.size()}};
        if (count) {
            const NonFinite found = count_nonfinite(tensor.bytes, tensor.dtype);
            all.nan += found.nan;
            all.infinite += found.infinite;
            if (found.nan + found.infinite > 0) spoiled.push_back(tensor.name);
            entry["nan"] = found.nan;
            entry["infinite"] = found.infinite;
        }
        list.push_back(std::move(entry));
        if (options.tensors || table.size() <= kListed)
            table.push_back({tensor.name, tensor.dtype, shape_text(tensor.shape),
                             bytes_text(static_cast<int64_t>(tensor.bytes.size()))});
    }
    file.expect_intact();

    std::string values = "not counted: --values true does";
    if (count) values = spoiled.empty() ? "all finite" : fmt::format("{} NaN and {} infinite", all.nan, all.infinite);
    for (size_t i = 0; i < std::min(kNamed, spoiled.size()); ++i) values += (i ? ", " : ", in ") + spoiled[i];
    if (spoiled.size() > kNamed) values += fmt::format(" and {} more", spoiled.size() - kNamed);

    Sheet sheet;
    sheet.title(path.string() + ": a safetensors file");
    sheet.row("tensors", fmt::format("{}, {} elements, {}", totals.whole.tensors, grouped_digits(totals.whole.elements),
                                     bytes_text(totals.whole.bytes)));
    sheet.row("dtypes", totals.text());
    std::string metadata;
    for (const auto& [key, value] : file.metadata())
        metadata += fmt::format("{}{} = {}", metadata.empty() ? "" : "; ", key, value);
    sheet.row("metadata", metadata.empty() ? "none" : metadata);
    sheet.row("values", values);
    if (!file.tensors().empty()) {
        sheet.blank();
        sheet.table(table);
    }
    if (const size_t more = file.tensors().size() + 1 - table.size(); more > 0)
        sheet.title(fmt::format("  … and {} more: --tensors lists them", more));

    OrderedJson json = {{"kind", "safetensors"},
                        {"path", path.string()},
                        {"tensors", totals.whole.tensors},
                        {"elements", totals.whole.elements},
                        {"bytes", totals.whole.bytes},
                        {"dtypes", totals.json()},
                        {"metadata", file.metadata()},
                        {"nan", count ? OrderedJson(all.nan) : OrderedJson(nullptr)},
                        {"infinite", count ? OrderedJson(all.infinite) : OrderedJson(nullptr)},
                        {"tensor_list", std::move(list)}};
    return {std::move(json), sheet.text()};
}

}   // namespace llmft
