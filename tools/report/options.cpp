#include "tools/report/options.h"

#include <algorithm>
#include <vector>

#include "tools/option.h"

namespace llmft {

bool ReportOptions::to(std::string_view what) const {
    const std::vector<std::string> places = split_choices(report_to, ',');
    return std::find(places.begin(), places.end(), what) != places.end();
}

}   // namespace llmft
