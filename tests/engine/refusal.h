// What a reader says to a bad file: the UserError's kind and text.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "kernels/base/error.h"

namespace llmft::test {

struct Refusal {
    std::string kind, text;   // kind is "" where nothing was thrown
    bool names(std::string_view part) const { return text.find(part) != text.npos; }
};

template <class Act>
Refusal refusal_of(const Act& act) {
    try {
        act();
    } catch (const UserError& e) {
        return {e.kind(), e.what()};
    }
    return {};
}

// Fit for one error line: short, and nothing in it that a terminal would obey.
inline bool is_one_line(const std::string& text) {
    constexpr size_t kLine = 400;   // reliability: an error line's length
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    return text.size() <= kLine && std::none_of(text.begin(), text.end(), control);
}

}   // namespace llmft::test
