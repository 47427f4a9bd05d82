#include "engine/io/model_source.h"

#include <map>

#include "engine/io/quant4_files.h"
#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

class FolderWeights final : public ModelWeights {
public:
    explicit FolderWeights(const Path& folder) : ModelWeights(folder.string()), files_(ModelFiles::open(folder)) {
        std::vector<StoredTensor> tensors;
        for (const std::string_view name : files_.names()) {
            if (is_quant4_part(name)) continue;
            const ModelFiles::Place place = files_.at(name);
            tensors.push_back({.name = std::string(name),
                               .file = *place.file,
                               .type = place.tensor->dtype,
                               .shape = place.tensor->shape,
                               .storage = Storage::kPlain});
            if (const auto packed = find_quant4(files_, tensors.back().name)) keep_packed(*packed, tensors.back());
        }
        expect_no_stray_part();
        set_tensors(std::move(tensors));
    }

    StoredRows rows(const StoredTensor& tensor, int64_t first, int64_t count,
                    std::vector<std::byte>& scratch) const override {
        if (tensor.storage == Storage::kQuant4) {
            const Quant4Data& packed = packed_.at(tensor.name);
            scratch.resize(static_cast<size_t>(count * packed.cols * size_bytes(packed.encoded)));
            decode(packed, first, count, packed.encoded, scratch.data());
            return {scratch, packed.encoded};
        }
        const DType dtype = dtype_of(*files_.at(tensor.name).tensor, tensor.file);
        const int64_t row_bytes = tensor.cols() * size_bytes(dtype);
        return {
            files_.at(tensor.name)
                .tensor->bytes.subspan(static_cast<size_t>(first * row_bytes), static_cast<size_t>(count * row_bytes)),
            dtype};
    }

    void release(const StoredTensor& tensor) const override { files_.release(tensor.name); }
    Quant4Data quant4(const StoredTensor& tensor) const override { return packed_.at(tensor.name); }

    void expect_intact() const override { files_.expect_intact(); }

private:
    void keep_packed(const Quant4Data& packed, StoredTensor& tensor) {
        tensor.type = packed.kind == Quant4::kNf4 ? "NF4" : "FP4";
        tensor.shape = {packed.rows, packed.cols};
        tensor.storage = Storage::kQuant4;
        packed_.emplace(tensor.name, packed);
    }

    // A part whose weight is not there, or has no state.
    void expect_no_stray_part() const {
        for (const std::string_view name : files_.names()) {
            if (!is_quant4_part(name)) continue;
            const size_t weight = name.find(".weight.") + std::string_view(".weight").size();
            if (packed_.find(name.substr(0, weight)) == packed_.end())
                throw UserError("MISSING", *files_.at(name).file, "tensor " + in_quotes(name),
                                "belongs to a four-bit weight that is not there, or has no quant_state",
                                "fetch the model again, or quantise the original");
        }
    }

    ModelFiles files_;
    std::map<std::string, Quant4Data, std::less<>> packed_;   // views into files_, whose mappings stay put
};

}   // namespace

Json ModelSource::json(std::string_view file, const JsonLimits& limits) const {
    return parse_json(text(file, limits.bytes), label(file), limits);
}

bool FolderModel::has(std::string_view file) const {
    std::error_code error;
    const auto status = std::filesystem::symlink_status(Path(path()) / file, error);
    // Of a link to nothing, a folder, or what cannot be told, reading it says what is wrong; taken for absent it would
    // be missed by nobody.
    return status.type() != std::filesystem::file_type::not_found;
}

std::string FolderModel::label(std::string_view file) const {
    return (Path(path()) / file).string();
}

std::string FolderModel::text(std::string_view file, int64_t most_bytes) const {
    return read_file(Path(path()) / file, most_bytes);
}

std::unique_ptr<ModelWeights> FolderModel::weights() const {
    return std::make_unique<FolderWeights>(path());
}

}   // namespace llmft
