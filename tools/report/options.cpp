#include "tools/report/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "kernels/base/error.h"
#include "tools/option.h"

namespace llmft {
namespace {

std::vector<std::string> parts_of(const std::string& list) {
    std::vector<std::string> parts;
    for (size_t at = 0; at <= list.size(); at = std::min(list.find(',', at), list.size()) + 1)
        parts.push_back(list.substr(at, list.find(',', at) - at));
    return parts;
}

}   // namespace

bool ReportOptions::to(std::string_view what) const {
    for (const std::string& part : parts_of(report_to))
        if (part == what) return true;
    return false;
}

void ReportOptions::validate() const {
    const std::vector<std::string> known = {"jsonl", "html", "tensorboard", "none"};
    for (const std::string& part : parts_of(report_to)) {
        if (std::find(known.begin(), known.end(), part) != known.end()) continue;
        const std::string near = nearest(part, known);
        throw UserError("VALUE", "--report-to", "",
                        fmt::format("\"{}\": not one of jsonl, html, tensorboard, none", part),
                        near.empty() ? "choose of these, with commas between" : fmt::format("did you mean {}?", near));
    }
}

}   // namespace llmft
