// From a dtype that is known when running to an element type that is known when compiling, for <op>_cpu.cpp.
#pragma once

#include "kernels/base/dtype.h"
#include "kernels/base/half.h"

namespace llmft::cpu::LLMFT_ISA {

template <class T>
struct Element {
    using Type = T;
};

// Calls body(Element<T>) with the T of an activation: f32 or bf16, nothing else (engine/ops has checked).
template <class Body>
[[gnu::always_inline]] inline void with_element(DType type, Body&& body) {
    if (type == DType::kBf16)
        body(Element<bf16>{});
    else
        body(Element<float>{});
}

// The same where f16 is possible too.
template <class Body>
[[gnu::always_inline]] inline void with_float(DType type, Body&& body) {
    if (type == DType::kF16)
        body(Element<f16>{});
    else
        with_element(type, body);
}

}   // namespace llmft::cpu::LLMFT_ISA
