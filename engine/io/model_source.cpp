#include "engine/io/model_source.h"

#include "engine/io/model_files.h"

namespace llmft {
namespace {

class FolderWeights final : public ModelWeights {
public:
    explicit FolderWeights(const Path& folder) : ModelWeights(folder.string()), files_(ModelFiles::open(folder)) {
        std::vector<StoredTensor> tensors;
        for (const std::string_view name : files_.names()) {
            const ModelFiles::Place place = files_.at(name);
            tensors.push_back({.name = std::string(name),
                               .file = *place.file,
                               .type = place.tensor->dtype,
                               .shape = place.tensor->shape,
                               .storage = Storage::kPlain});
        }
        set_tensors(std::move(tensors));
    }

    StoredRows rows(const StoredTensor& tensor, int64_t first, int64_t count, std::vector<std::byte>&) const override {
        const DType dtype = dtype_of(*files_.at(tensor.name).tensor, tensor.file);
        const int64_t row_bytes = tensor.cols() * size_bytes(dtype);
        return {
            files_.at(tensor.name)
                .tensor->bytes.subspan(static_cast<size_t>(first * row_bytes), static_cast<size_t>(count * row_bytes)),
            dtype};
    }

    void expect_intact() const override { files_.expect_intact(); }

private:
    ModelFiles files_;
};

}   // namespace

Json ModelSource::json(std::string_view file, const JsonLimits& limits) const {
    return parse_json(text(file, limits.bytes), label(file), limits);
}

bool FolderModel::has(std::string_view file) const {
    std::error_code ignored;
    return std::filesystem::is_regular_file(Path(path()) / file, ignored);
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
