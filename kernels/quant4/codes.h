// The two four-bit codes of bitsandbytes: which value a code stands for, and which code a value gets. Values: NF4, the
// normal float of QLoRA (Dettmers et al. 2023, appendix E), and FP4, sign, two bits of exponent, one of mantissa, over
// its largest, 12 (bitsandbytes 0.50.2, functional.get_4bit_type).
#pragma once

#include <cstdint>

namespace llmft {

enum class Quant4 : uint8_t { kNf4, kFp4 };

constexpr int kQuant4Codes = 16;

struct Quant4Code {
    float value[kQuant4Codes];       // of each code
    uint8_t by_rank[kQuant4Codes];   // codes by ascending value; bitsandbytes' order of FP4's two zeros
};

inline constexpr Quant4Code kNf4Code = {
    {-1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f,
     -0.18477343022823334f, -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f,
     0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

inline constexpr Quant4Code kFp4Code = {
    {0.0f, 0.0625f / 12, 8.0f / 12, 1.0f, 4.0f / 12, 6.0f / 12, 2.0f / 12, 3.0f / 12, 0.0f, -0.0625f / 12, -8.0f / 12,
     -1.0f, -4.0f / 12, -6.0f / 12, -2.0f / 12, -3.0f / 12},
    {11, 10, 13, 12, 15, 14, 9, 0, 8, 1, 6, 7, 4, 5, 2, 3}};

[[gnu::always_inline]] constexpr inline const Quant4Code& code_of(Quant4 kind) {
    return kind == Quant4::kNf4 ? kNf4Code : kFp4Code;
}

constexpr const char* name(Quant4 kind) {
    return kind == Quant4::kNf4 ? "nf4" : "fp4";
}

}   // namespace llmft
