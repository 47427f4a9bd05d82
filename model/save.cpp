#include "model/save.h"

#include "engine/io/file.h"
#include "engine/io/model_write.h"
#include "engine/ops/upload.h"
#include "model/names.h"

namespace llmft {
namespace {

// A tensor in the file's dtype, as dense bytes in `buffer`.
Bytes dense(const Tensor& from, DType dtype, std::vector<std::byte>& buffer, Run& run) {
    buffer.resize(static_cast<size_t>(from.count() * size_bytes(dtype)));
    ops::download_converted(buffer.data(), dtype, from, run);
    return buffer;
}

}   // namespace

Json plain_config(const ModelSource& base, DType dtype) {
    Json config = base.json("config.json", JsonLimits{});
    config.erase("dtype");
    config.erase("quantization_config");
    config["torch_dtype"] = torch_name(dtype);
    return config;
}

void save_model(const Decoder& model, const SaveFolders& folders, Run& run) {
    const DType dtype = model.dtype();
    std::vector<std::byte> buffer;
    std::vector<TensorToWrite> tensors;
    for (const WeightTarget& source : model.weight_targets()) {
        const bool vector = source.to.rows == 1;
        tensors.push_back(
            {.name = source.name,
             .dtype = dtype,
             .shape =
                 vector ? std::vector<int64_t>{source.to.cols} : std::vector<int64_t>{source.to.rows, source.to.cols},
             .bytes = [from = source.to, dtype, &buffer, &run] { return dense(from, dtype, buffer, run); }});
    }
    write_model_weights(folders.output, std::move(tensors));
    write_file(folders.output / "config.json", hf_json(plain_config(folders.base, dtype)));
}

}   // namespace llmft
