// Files for tests that are too large for the repository: under $LLMFT_TEST_DATA, or ../shared/data beside the checkout.
//   const auto folder = test_data("weights/stories260K/hf");
//   if (!folder) return skip("no weights/stories260K/hf");
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/harness/paths.h"

namespace llmft::test {

inline std::optional<std::filesystem::path> test_data(const std::string& relative) {
    const char* named = std::getenv("LLMFT_TEST_DATA");
    const std::filesystem::path path =
        (named != nullptr ? std::filesystem::path(named) : source_dir().parent_path() / "shared/data") / relative;
    if (!std::filesystem::exists(path)) return std::nullopt;
    return path;
}

}   // namespace llmft::test
