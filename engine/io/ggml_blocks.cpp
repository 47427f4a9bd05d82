#include "engine/io/ggml_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/base/half.h"

namespace llmft {
namespace {

constexpr int64_t kSmall = 32;    // elements of a Q4_0 … Q8_0 block
constexpr int64_t kLarge = 256;   // of a K-quant block
constexpr int64_t kScales = 12;   // bytes that hold 6-bit scales

uint8_t byte_at(const std::byte* p) {
    return static_cast<uint8_t>(*p);
}

float half_at(const std::byte* p) {
    f16 x;
    std::memcpy(&x.bits, p, sizeof x.bits);
    return to_f32(x);
}

// Bit i of a little-endian word is the fifth bit of element i.
uint32_t word_at(const std::byte* p) {
    uint32_t x;
    std::memcpy(&x, p, sizeof x);
    return x;
}

// One struct per type: its sizes, and one block decoded. Element i and element i + 16 of a small block share a byte.
struct Q4_0 {   // f16 d, 16 bytes of nibbles: d·(q − 8)
    static constexpr int64_t kElements = kSmall, kBytes = 18;
    static void decode(const std::byte* b, float* y) {
        const float d = half_at(b);
        for (int64_t i = 0; i < 16; ++i) {
            const int q = byte_at(b + 2 + i);
            y[i] = d * static_cast<float>((q & 15) - 8);
            y[i + 16] = d * static_cast<float>((q >> 4) - 8);
        }
    }
};

struct Q4_1 {   // f16 d, f16 m, nibbles: d·q + m
    static constexpr int64_t kElements = kSmall, kBytes = 20;
    static void decode(const std::byte* b, float* y) {
        const float d = half_at(b), m = half_at(b + 2);
        for (int64_t i = 0; i < 16; ++i) {
            const int q = byte_at(b + 4 + i);
            y[i] = d * static_cast<float>(q & 15) + m;
            y[i + 16] = d * static_cast<float>(q >> 4) + m;
        }
    }
};

struct Q5_0 {   // f16 d, 32 high bits, nibbles: d·(q − 16)
    static constexpr int64_t kElements = kSmall, kBytes = 22;
    static void decode(const std::byte* b, float* y) {
        const float d = half_at(b);
        const uint32_t high = word_at(b + 2);
        for (int i = 0; i < 16; ++i) {
            const uint32_t q = byte_at(b + 6 + i);
            y[i] = d * static_cast<float>(static_cast<int>((q & 15) | (high >> i & 1) << 4) - 16);
            y[i + 16] = d * static_cast<float>(static_cast<int>(q >> 4 | (high >> (i + 16) & 1) << 4) - 16);
        }
    }
};

struct Q5_1 {   // f16 d, f16 m, 32 high bits, nibbles: d·q + m
    static constexpr int64_t kElements = kSmall, kBytes = 24;
    static void decode(const std::byte* b, float* y) {
        const float d = half_at(b), m = half_at(b + 2);
        const uint32_t high = word_at(b + 4);
        for (int i = 0; i < 16; ++i) {
            const uint32_t q = byte_at(b + 8 + i);
            y[i] = d * static_cast<float>(static_cast<int>((q & 15) | (high >> i & 1) << 4)) + m;
            y[i + 16] = d * static_cast<float>(static_cast<int>(q >> 4 | (high >> (i + 16) & 1) << 4)) + m;
        }
    }
};

struct Q8_0 {   // f16 d, 32 int8: d·q
    static constexpr int64_t kElements = kSmall, kBytes = 34;
    static void decode(const std::byte* b, float* y) {
        const float d = half_at(b);
        for (int64_t i = 0; i < kSmall; ++i) y[i] = d * static_cast<float>(static_cast<int8_t>(b[2 + i]));
    }
};

// K-quants: 128 elements share 32 bytes of two-bit numbers, element 32·j + i in bits 2j of byte i.
struct Q2_K {   // 16 bytes of scale and minimum nibbles, 64 bytes, f16 d, f16 dmin; a scale for 16: d·s·q − dmin·m
    static constexpr int64_t kElements = kLarge, kBytes = 84;
    static void decode(const std::byte* b, float* y) {
        const float d = half_at(b + 80), minimum = half_at(b + 82);
        for (int64_t group = 0; group < 16; ++group) {
            const int s = byte_at(b + group);
            const float scale = d * static_cast<float>(s & 15), m = minimum * static_cast<float>(s >> 4);
            const std::byte* q = b + 16 + group / 8 * 32 + group % 2 * 16;
            const int shift = static_cast<int>(group % 8 / 2 * 2);
            for (int64_t i = 0; i < 16; ++i)
                y[group * 16 + i] = scale * static_cast<float>(byte_at(q + i) >> shift & 3) - m;
        }
    }
};

struct Q3_K {   // 32 bytes of third bits, 64 bytes, 12 of 16 six-bit scales, f16 d: d·(s − 32)·(q − 4 where bit is 0)
    static constexpr int64_t kElements = kLarge, kBytes = 110;
    static void decode(const std::byte* b, float* y) {
        const std::byte* scales = b + 96;
        const float d = half_at(b + 108);
        for (int64_t group = 0; group < 16; ++group) {
            const int low = byte_at(scales + group % 8) >> (group / 8 * 4) & 15;
            const int top = byte_at(scales + 8 + group % 4) >> (group / 4 * 2) & 3;
            const float scale = d * static_cast<float>((low | top << 4) - 32);
            const std::byte* q = b + 32 + group / 8 * 32 + group % 2 * 16;
            const std::byte* third = b + group % 2 * 16;
            const int shift = static_cast<int>(group % 8 / 2 * 2), bit = static_cast<int>(group / 2);
            for (int64_t i = 0; i < 16; ++i) {
                const int absent = (byte_at(third + i) >> bit & 1) ^ 1;
                y[group * 16 + i] = scale * static_cast<float>((byte_at(q + i) >> shift & 3) - absent * 4);
            }
        }
    }
};

// Eight pairs of six-bit scale and minimum in twelve bytes: the first four pairs lie in the low six bits of bytes 0–3
// and 4–7, the others' low four bits in bytes 8–11 and their top two bits above the first four's.
struct ScaleAndMinimum {
    int scale, minimum;
};
ScaleAndMinimum scale_and_minimum(const std::byte* packed, int64_t group) {
    const std::byte* p = packed + group % 4;
    if (group < 4) return {byte_at(p) & 63, byte_at(p + 4) & 63};
    return {(byte_at(p + 8) & 15) | (byte_at(p) >> 2 & 48), byte_at(p + 8) >> 4 | (byte_at(p + 4) >> 2 & 48)};
}

struct Q4_K {   // f16 d, f16 dmin, scales, 128 bytes of nibbles, 64 elements in 32 bytes: d·s·q − dmin·m
    static constexpr int64_t kElements = kLarge, kBytes = 144;
    static void decode(const std::byte* b, float* y) {
        const float d = half_at(b), minimum = half_at(b + 2);
        for (int64_t group = 0; group < 8; ++group) {
            const auto [s, m_code] = scale_and_minimum(b + 4, group);
            const float scale = d * static_cast<float>(s), m = minimum * static_cast<float>(m_code);
            const std::byte* q = b + 4 + kScales + group / 2 * 32;
            const int shift = static_cast<int>(group % 2 * 4);
            for (int64_t i = 0; i < 32; ++i)
                y[group * 32 + i] = scale * static_cast<float>(byte_at(q + i) >> shift & 15) - m;
        }
    }
};

struct Q5_K {   // as Q4_K with 32 bytes of fifth bits before the nibbles, bit j of byte i for element 32·j + i
    static constexpr int64_t kElements = kLarge, kBytes = 176;
    static void decode(const std::byte* b, float* y) {
        const float d = half_at(b), minimum = half_at(b + 2);
        const std::byte* high = b + 4 + kScales;
        for (int64_t group = 0; group < 8; ++group) {
            const auto [s, m_code] = scale_and_minimum(b + 4, group);
            const float scale = d * static_cast<float>(s), m = minimum * static_cast<float>(m_code);
            const std::byte* q = high + 32 + group / 2 * 32;
            const int shift = static_cast<int>(group % 2 * 4), bit = static_cast<int>(group);
            for (int64_t i = 0; i < 32; ++i) {
                const int code = (byte_at(q + i) >> shift & 15) | (byte_at(high + i) >> bit & 1) << 4;
                y[group * 32 + i] = scale * static_cast<float>(code) - m;
            }
        }
    }
};

struct Q6_K {   // 128 bytes of nibbles, 64 of two high bits, 16 int8 scales, f16 d: d·s·(q − 32)
    static constexpr int64_t kElements = kLarge, kBytes = 210;
    static void decode(const std::byte* b, float* y) {
        const std::byte* scales = b + 192;
        const float d = half_at(b + 208);
        for (int64_t group = 0; group < 16; ++group) {
            const float scale = d * static_cast<float>(static_cast<int8_t>(scales[group]));
            // Of 128 elements the first 64 are low nibbles of 64 bytes and the others their high nibbles.
            const int64_t half = group / 8, quarter = group % 8 / 2;
            const std::byte* low = b + half * 64 + quarter % 2 * 32 + group % 2 * 16;
            const std::byte* high = b + 128 + half * 32 + group % 2 * 16;
            const int shift = static_cast<int>(quarter / 2 * 4), high_shift = static_cast<int>(quarter * 2);
            for (int64_t i = 0; i < 16; ++i) {
                const int code = (byte_at(low + i) >> shift & 15) | (byte_at(high + i) >> high_shift & 3) << 4;
                y[group * 16 + i] = scale * static_cast<float>(code - 32);
            }
        }
    }
};

template <class Block>
void decode_all(const std::byte* from, int64_t blocks, float* to) {
    for (int64_t i = 0; i < blocks; ++i) Block::decode(from + i * Block::kBytes, to + i * Block::kElements);
}

template <class Block>
constexpr GgmlType packed(uint32_t id, std::string_view name) {
    return {id, name, Block::kElements, Block::kBytes, DType::kF32, decode_all<Block>};
}

constexpr GgmlType plain(uint32_t id, std::string_view name, DType dtype) {
    return {id, name, 1, size_bytes(dtype), dtype, nullptr};
}

constexpr std::array kTypes = {
    plain(0, "F32", DType::kF32), plain(1, "F16", DType::kF16), plain(30, "BF16", DType::kBf16),
    packed<Q4_0>(2, "Q4_0"),      packed<Q4_1>(3, "Q4_1"),      packed<Q5_0>(6, "Q5_0"),
    packed<Q5_1>(7, "Q5_1"),      packed<Q8_0>(8, "Q8_0"),      packed<Q2_K>(10, "Q2_K"),
    packed<Q3_K>(11, "Q3_K"),     packed<Q4_K>(12, "Q4_K"),     packed<Q5_K>(13, "Q5_K"),
    packed<Q6_K>(14, "Q6_K"),
};

struct Unread {
    uint32_t id;
    std::string_view name;
};
constexpr std::array kUnread = {
    Unread{4, "Q4_2"},    Unread{5, "Q4_3"},     Unread{9, "Q8_1"},   Unread{15, "Q8_K"},   Unread{16, "IQ2_XXS"},
    Unread{17, "IQ2_XS"}, Unread{18, "IQ3_XXS"}, Unread{19, "IQ1_S"}, Unread{20, "IQ4_NL"}, Unread{21, "IQ3_S"},
    Unread{22, "IQ2_S"},  Unread{23, "IQ4_XS"},  Unread{24, "I8"},    Unread{25, "I16"},    Unread{26, "I32"},
    Unread{27, "I64"},    Unread{28, "F64"},     Unread{29, "IQ1_M"}, Unread{34, "TQ1_0"},  Unread{35, "TQ2_0"},
    Unread{39, "MXFP4"},  Unread{40, "NVFP4"},   Unread{41, "Q1_0"},
};

}   // namespace

const GgmlType* ggml_type(uint32_t id) {
    const auto at = std::find_if(kTypes.begin(), kTypes.end(), [&](const GgmlType& t) { return t.id == id; });
    return at == kTypes.end() ? nullptr : &*at;
}

std::string ggml_type_name(uint32_t id) {
    if (const GgmlType* type = ggml_type(id)) return std::string(type->name);
    const auto at = std::find_if(kUnread.begin(), kUnread.end(), [&](const Unread& t) { return t.id == id; });
    return at == kUnread.end() ? fmt::format("type {}", id) : std::string(at->name);
}

}   // namespace llmft
