#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace llmft::fuzz {

// What a reader may hold at once of an input. A template is a program that is run: its steps bound what it makes
// (data/template/meter.h).
constexpr int64_t most_bytes(std::string_view target, size_t input) {
    const int64_t any_input = target == "template" ? int64_t{350} << 20 : int64_t{16} << 20;
    return 4 * static_cast<int64_t>(input) + any_input;
}

}   // namespace llmft::fuzz
