#include "engine/io/model_weights.h"

#include <algorithm>

#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {

void ModelWeights::set_tensors(std::vector<StoredTensor> tensors) {
    tensors_ = std::move(tensors);
    std::sort(tensors_.begin(), tensors_.end(),
              [](const StoredTensor& a, const StoredTensor& b) { return a.name < b.name; });
}

const StoredTensor* ModelWeights::find(std::string_view name) const {
    const auto at = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                     [](const StoredTensor& t, std::string_view wanted) { return t.name < wanted; });
    return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

const StoredTensor& ModelWeights::at(std::string_view name) const {
    const StoredTensor* tensor = find(name);
    if (tensor == nullptr)
        throw UserError("MISSING", where_, "tensor " + in_quotes(name), "is not in the model's files",
                        "fetch the model again");
    return *tensor;
}

Quant4Data ModelWeights::quant4(const StoredTensor& tensor) const {
    throw InternalError(tensor.name + " is not stored in four bits");
}

}   // namespace llmft
