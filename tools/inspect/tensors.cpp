#include "tools/inspect/tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <numeric>

#include "tools/sheet.h"

namespace llmft {

int64_t elements_of(const std::vector<int64_t>& shape) {
    return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

void TensorTotals::add(const SafeTensor& tensor) {
    add(tensor.dtype, tensor.shape, static_cast<int64_t>(tensor.bytes.size()));
}

void TensorTotals::add(const std::string& dtype, const std::vector<int64_t>& shape, int64_t bytes) {
    for (Total* total : {&whole, &by_dtype[dtype]}) {
        ++total->tensors;
        total->elements += elements_of(shape);
        total->bytes += bytes;
    }
}

OrderedJson TensorTotals::json() const {
    OrderedJson list = OrderedJson::array();
    for (const auto& [dtype, total] : by_dtype)
        list.push_back(
            {{"dtype", dtype}, {"tensors", total.tensors}, {"elements", total.elements}, {"bytes", total.bytes}});
    return list;
}

std::string TensorTotals::text() const {
    std::string text;
    for (const auto& [dtype, total] : by_dtype)
        text += fmt::format("{}{}: {} tensors, {}", text.empty() ? "" : "; ", dtype, total.tensors,
                            bytes_text(total.bytes));
    return text.empty() ? "no tensor" : text;
}

std::string shape_text(const std::vector<int64_t>& shape) {
    return fmt::format("({})", fmt::join(shape, ", "));
}

}   // namespace llmft
