// What a user would read: the error line of whatever `act` throws, or "" if it throws nothing.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "kernels/base/error.h"
#include "tools/commands.h"

namespace llmft::test {

template <class Act>
std::string error_of(const Act& act) {
    try {
        act();
    } catch (const UserError& error) {
        const std::string line = error_line(error.kind(), error.what());
        CHECK(error.code() == ExitCode::kBadInput);
        CHECK(line.find('\n') == std::string::npos);
        CHECK(line.size() <= 400);
        return line;
    }
    return "";
}

}   // namespace llmft::test
