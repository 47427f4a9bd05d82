// Tensors of files, counted.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/io/json.h"
#include "engine/io/safetensors.h"

namespace llmft {

struct TensorTotals {
    struct Total {
        int64_t tensors = 0, elements = 0, bytes = 0;
    };
    Total whole;
    std::map<std::string, Total> by_dtype;

    void add(const SafeTensor& tensor);
    void add(const std::string& dtype, const std::vector<int64_t>& shape, int64_t bytes);
    OrderedJson json() const;   // [{dtype, tensors, elements, bytes}]
    std::string text() const;   // "BF16: 290 tensors, 256.6 MiB"
};

int64_t elements_of(const std::vector<int64_t>& shape);
std::string shape_text(const std::vector<int64_t>& shape);   // "(48, 96)"

}   // namespace llmft
