#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "engine/io/json.h"
#include "engine/io/safetensors.h"
#include "engine/io/safetensors_dtype.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

int64_t byte_count(const TensorToWrite& t) {
    int64_t bytes = size_bytes(t.dtype);
    for (const int64_t x : t.shape)
        if (__builtin_mul_overflow(bytes, x, &bytes)) throw InternalError(fmt::format("{}: shape overflows", t.name));
    return bytes;
}

std::string header_of(const std::vector<TensorToWrite>& tensors) {
    constexpr size_t kAlign = 8;
    OrderedJson header = {{"__metadata__", {{"format", "pt"}}}};
    int64_t end = 0;
    for (const TensorToWrite& t : tensors) {
        const int64_t first = end;
        end += byte_count(t);
        if (header.contains(t.name)) throw InternalError(fmt::format("tensor {} is to be written twice", t.name));
        header[t.name] = {{"dtype", safetensors_name(t.dtype)}, {"shape", t.shape}, {"data_offsets", {first, end}}};
    }
    std::string text = header.dump();
    text.resize((text.size() + kAlign - 1) / kAlign * kAlign, ' ');
    return text;
}

}   // namespace

void write_safetensors(const Path& path, std::vector<TensorToWrite> tensors) {
    std::sort(tensors.begin(), tensors.end(), [](const TensorToWrite& a, const TensorToWrite& b) {
        const int rank_a = safetensors_write_rank(safetensors_name(a.dtype));
        const int rank_b = safetensors_write_rank(safetensors_name(b.dtype));
        return std::tie(rank_b, a.name) < std::tie(rank_a, b.name);
    });
    const std::string header = header_of(tensors);
    const uint64_t length = header.size();
    int64_t total = static_cast<int64_t>(sizeof length + length);
    for (const TensorToWrite& t : tensors) total += byte_count(t);

    AtomicFile file(path);
    file.reserve(total);
    file.write(std::as_bytes(std::span(&length, 1)));
    file.write(header);
    for (const TensorToWrite& t : tensors) {
        const Bytes bytes = t.bytes();
        if (static_cast<int64_t>(bytes.size()) != byte_count(t))
            throw InternalError(
                fmt::format("tensor {} has {} bytes, its shape takes {}", t.name, bytes.size(), byte_count(t)));
        file.write(bytes);
    }
    file.commit();
}

}   // namespace llmft
