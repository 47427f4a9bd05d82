// What is whole but cannot be used, told from what is damaged.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace llmft {

// Runs `act`. Nothing where it ends well, the error's text where llmft cannot use what it read; an error that says that
// a file is damaged (cut, not JSON, not UTF-8, said twice, ...) goes on.
std::optional<std::string> reason_against(const std::function<void()>& act);

}   // namespace llmft
