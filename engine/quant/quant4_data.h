// Weights in four bits on the host: encoded, decoded, or as views of a file. The numbers: kernels/quant4/quant4.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/io/file.h"
#include "kernels/base/dtype.h"
#include "kernels/quant4/codes.h"

namespace llmft {

enum class DoubleQuant : uint8_t { kNo, kYes };   // whether scales are quantised themselves

// Views of a file's bytes or of Quant4Buffers, of any alignment.
struct Quant4Data {
    static constexpr int64_t kBlock = 64;   // elements of a scale, as everybody writes them

    Quant4 kind = Quant4::kNf4;
    DType encoded = DType::kF32;   // what the weight was: f32, bf16 or f16
    int64_t rows = 0;
    int64_t cols = 0;
    int64_t block = kBlock;
    Bytes codes;           // ⌈rows·cols/2⌉, two a byte
    Bytes values;          // 16 f32: of each code
    Bytes scales;          // a block each: f32, or codes of nested_map
    Bytes nested_scales;   // f32, one for 256 scales; empty without double quantisation
    Bytes nested_map;      // 256 f32
    float offset = 0;

    int64_t blocks() const { return (rows * cols + block - 1) / block; }
    DoubleQuant double_quant() const { return nested_scales.empty() ? DoubleQuant::kNo : DoubleQuant::kYes; }
};
int64_t quant4_code_bytes(int64_t count);
int64_t quant4_nested_blocks(int64_t blocks);

// Rows [first, first + rows) to dense rows of `to`: f32, bf16 or f16.
void decode(const Quant4Data&, int64_t first, int64_t rows, DType to, std::byte* y);

// A weight that is to be encoded, in blocks of Quant4Data::kBlock.
struct Quant4Source {
    Quant4 kind;
    DoubleQuant double_quant;
    DType encoded;
    int64_t rows;
    int64_t cols;
    // Dense rows [first, first + count) of `encoded`, finite; asked for in order, and free to go at the next call.
    std::function<const void*(int64_t first, int64_t count)> read;
};

class Quant4Buffers {
public:
    enum class Keep : uint8_t { kAll, kScales };   // kScales: no codes
    explicit Quant4Buffers(const Quant4Source&, Keep = Keep::kAll);
    Quant4Data data() const;   // views of this

private:
    Quant4Data shape_;   // all but the views
    std::vector<uint8_t> codes_, scales8_;
    std::vector<float> scales_, nested_scales_;
};

}   // namespace llmft
