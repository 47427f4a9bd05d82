// strftime_now: the time of the machine's clock in its time zone, or $SOURCE_DATE_EPOCH in UTC, so that texts with a
// date can be made again.
#pragma once

#include <string>

namespace llmft::jinja {

// As strftime in the C locale. Throws Fault for a pattern whose text would be too long.
std::string time_now(const std::string& pattern);

}   // namespace llmft::jinja
