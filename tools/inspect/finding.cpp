#include "tools/inspect/finding.h"

#include <algorithm>
#include <string_view>

#include "kernels/base/error.h"

namespace llmft {

std::optional<std::string> reason_against(const std::function<void()>& act) {
    constexpr std::string_view kDamage[] = {"TRUNC", "SYNTAX", "ENCODING", "OVERFLOW", "LAYOUT", "DUP", "LIMIT"};
    try {
        act();
    } catch (const UserError& error) {
        if (std::find(std::begin(kDamage), std::end(kDamage), error.kind()) != std::end(kDamage)) throw;
        return error.what();
    }
    return std::nullopt;
}

}   // namespace llmft
