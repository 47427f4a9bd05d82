#include "engine/io/gguf_weights.h"

#include <fmt/format.h>

#include <map>

#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

class GgufWeights final : public ModelWeights {
public:
    GgufWeights(const Gguf& gguf, const std::vector<GgufPlacement>& placements)
        : ModelWeights(gguf.file()), gguf_(gguf) {
        std::vector<StoredTensor> tensors;
        for (const GgufPlacement& p : placements) {
            expect_readable(p);
            places_.emplace(p.name, p);
            tensors.push_back({.name = p.name,
                               .file = gguf.file(),
                               .type = std::string(p.tensor->type->name),
                               .shape = p.tensor->shape(),
                               .storage = p.tensor->type->decode == nullptr ? Storage::kPlain : Storage::kBlocks});
        }
        set_tensors(std::move(tensors));
    }

    StoredRows rows(const StoredTensor& wanted, int64_t first, int64_t count,
                    std::vector<std::byte>& scratch) const override {
        const GgufPlacement& place = places_.at(wanted.name);
        const GgufTensor& tensor = *place.tensor;
        const DType dtype = tensor.type->rows;
        if (tensor.type->decode == nullptr && place.paired_heads == 0) {
            const int64_t row_bytes = tensor.cols() * size_bytes(dtype);
            return {
                tensor.bytes.subspan(static_cast<size_t>(first * row_bytes), static_cast<size_t>(count * row_bytes)),
                dtype};
        }
        const bool elements = place.paired_heads != 0 && tensor.rank == 1;
        const int64_t cols = elements ? 1 : tensor.cols();
        std::vector<int64_t> sources(static_cast<size_t>(elements ? tensor.cols() : count));
        for (size_t i = 0; i < sources.size(); ++i)
            sources[i] = source_row(place, (elements ? 0 : first) + static_cast<int64_t>(i));
        scratch.resize(sources.size() * static_cast<size_t>(cols * size_bytes(dtype)));
        gguf_.read_rows(tensor, cols, sources, scratch.data());
        return {scratch, dtype};
    }

    void release(const StoredTensor& wanted) const override { gguf_.release(*places_.at(wanted.name).tensor); }
    void expect_intact() const override { gguf_.expect_intact(); }

private:
    // Rows of a matrix, elements of a vector: what pairs are of.
    static int64_t row_count(const GgufTensor& tensor) { return tensor.extents[tensor.rank == 1 ? 0 : 1]; }

    void expect_readable(const GgufPlacement& p) const {
        if (p.paired_heads == 0) return;
        const auto refuse = [&](const char* kind, const std::string& what) {
            throw UserError(kind, gguf_.file(), "tensor " + in_quotes(p.tensor->name), what, "convert the model anew");
        };
        if ((p.tensor->rank != 1 && p.tensor->rank != 2) || row_count(*p.tensor) % (2 * p.paired_heads) != 0)
            refuse("SHAPE", fmt::format("its rows are no pairs of {} heads", p.paired_heads));
        if (p.tensor->rank == 1 && p.tensor->type->decode != nullptr)
            refuse("DTYPE", fmt::format("is stored as {}, wanted plain elements", p.tensor->type->name));
    }

    static int64_t source_row(const GgufPlacement& place, int64_t row) {
        if (place.paired_heads == 0) return row;
        const int64_t per_head = row_count(*place.tensor) / place.paired_heads, half = per_head / 2;
        const int64_t head = row / per_head, within = row % per_head;
        return head * per_head + within % half * 2 + within / half;
    }

    const Gguf& gguf_;
    std::map<std::string, GgufPlacement> places_;
};

}   // namespace

std::unique_ptr<ModelWeights> gguf_weights(const Gguf& gguf, const std::vector<GgufPlacement>& placements) {
    return std::make_unique<GgufWeights>(gguf, placements);
}

}   // namespace llmft
