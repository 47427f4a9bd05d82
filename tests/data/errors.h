// "E-KIND: text" of the UserError that `act` throws; empty where it throws none.
#pragma once

#include <string>

#include "kernels/base/error.h"

namespace llmft::test {

template <class Act>
std::string error_of(const Act& act) {
    try {
        act();
    } catch (const UserError& e) {
        return "E-" + e.kind() + ": " + e.what();
    }
    return "";
}

inline bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}   // namespace llmft::test
