#include "engine/io/safetensors_dtype.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "engine/io/quote.h"
#include "engine/io/safetensors.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

struct Known {
    std::string_view name;
    int64_t bytes;
};

// In the order of the reference's enum, which is also the order of writing, last first.
constexpr std::array kKnown = {
    Known{"BOOL", 1}, Known{"U8", 1},  Known{"I8", 1},  Known{"F8_E5M2", 1}, Known{"F8_E4M3", 1}, Known{"F8_E8M0", 1},
    Known{"I16", 2},  Known{"U16", 2}, Known{"F16", 2}, Known{"BF16", 2},    Known{"I32", 4},     Known{"U32", 4},
    Known{"F32", 4},  Known{"F64", 8}, Known{"I64", 8}, Known{"U64", 8},
};

constexpr std::array kTypes = {DType::kF32, DType::kBf16, DType::kF16, DType::kF64,
                               DType::kI64, DType::kI32,  DType::kI16, DType::kU8};

// A float is not finite where all bits of its exponent are set. Blocks first: a block is judged without a branch.
template <class Word>
int64_t first_with_bits(Bytes bytes, Word exponent) {
    constexpr size_t kBlock = 4096 / sizeof(Word);
    const size_t count = bytes.size() / sizeof(Word);
    std::array<Word, kBlock> block;
    for (size_t start = 0; start < count; start += kBlock) {
        const size_t length = std::min(kBlock, count - start);
        std::memcpy(block.data(), bytes.data() + start * sizeof(Word), length * sizeof(Word));
        Word found = 0;
        for (size_t i = 0; i < length; ++i) found |= static_cast<Word>((block[i] & exponent) == exponent);
        if (found == 0) continue;
        for (size_t i = 0; i < length; ++i)
            if ((block[i] & exponent) == exponent) return static_cast<int64_t>(start + i);
    }
    return -1;
}

// Where all bits of the exponent are set, the fraction tells NaN from infinity.
template <class Word>
NonFinite count_with_bits(Bytes bytes, Word exponent) {
    NonFinite found;
    for (size_t at = 0; at + sizeof(Word) <= bytes.size();) {
        const int64_t skipped = first_with_bits(bytes.subspan(at), exponent);
        if (skipped < 0) break;
        at += static_cast<size_t>(skipped) * sizeof(Word);
        // Where there is one there may be many: a block word by word before the quick search goes on.
        const size_t end = std::min(bytes.size() / sizeof(Word) * sizeof(Word), at + 4096);
        for (; at < end; at += sizeof(Word)) {
            Word word;
            std::memcpy(&word, bytes.data() + at, sizeof word);
            const bool special = (word & exponent) == exponent;
            const bool is_nan = static_cast<Word>(word << 1) != static_cast<Word>(exponent << 1);   // without the sign
            found.nan += special && is_nan;
            found.infinite += special && !is_nan;
        }
    }
    return found;
}

}   // namespace

int64_t safetensors_size_bytes(std::string_view dtype) {
    const auto at = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.name == dtype; });
    return at == kKnown.end() ? 0 : at->bytes;
}

int safetensors_write_rank(std::string_view dtype) {
    const auto at = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.name == dtype; });
    return static_cast<int>(at - kKnown.begin());
}

std::string_view safetensors_name(DType t) {
    switch (t) {
        case DType::kF32: return "F32";
        case DType::kBf16: return "BF16";
        case DType::kF16: return "F16";
        case DType::kF64: return "F64";
        case DType::kI64: return "I64";
        case DType::kI32: return "I32";
        case DType::kI16: return "I16";
        case DType::kU8: return "U8";
    }
    return "?";
}

const char* torch_name(DType t) {
    switch (t) {
        case DType::kBf16: return "bfloat16";
        case DType::kF16: return "float16";
        default: return "float32";
    }
}

DType dtype_of(const SafeTensor& tensor, const std::string& file) {
    const auto at =
        std::find_if(kTypes.begin(), kTypes.end(), [&](DType t) { return safetensors_name(t) == tensor.dtype; });
    if (at == kTypes.end())
        throw UserError("DTYPE", file, "tensor " + in_quotes(tensor.name),
                        fmt::format("dtype {} is not supported here", tensor.dtype),
                        "convert the model to BF16, F16 or F32");
    return *at;
}

int64_t first_nonfinite(Bytes bytes, std::string_view dtype) {
    if (dtype == "F32") return first_with_bits<uint32_t>(bytes, 0x7F800000u);
    if (dtype == "BF16") return first_with_bits<uint16_t>(bytes, 0x7F80u);
    if (dtype == "F16") return first_with_bits<uint16_t>(bytes, 0x7C00u);
    if (dtype == "F64") return first_with_bits<uint64_t>(bytes, 0x7FF0000000000000u);
    return -1;
}

NonFinite count_nonfinite(Bytes bytes, std::string_view dtype) {
    if (dtype == "F32") return count_with_bits<uint32_t>(bytes, 0x7F800000u);
    if (dtype == "BF16") return count_with_bits<uint16_t>(bytes, 0x7F80u);
    if (dtype == "F16") return count_with_bits<uint16_t>(bytes, 0x7C00u);
    if (dtype == "F64") return count_with_bits<uint64_t>(bytes, 0x7FF0000000000000u);
    return {};
}

void expect_finite(const SafeTensor& tensor, const std::string& file) {
    const int64_t at = first_nonfinite(tensor.bytes, tensor.dtype);
    if (at >= 0)
        throw UserError("VALUE", file, "tensor " + in_quotes(tensor.name),
                        fmt::format("element {} is NaN or infinite", at), "fetch the file again or use another model");
}

}   // namespace llmft
