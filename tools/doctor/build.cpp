#include "tools/doctor/build.h"

#include <string_view>

namespace llmft {

BuildFacts build_facts() {
    BuildFacts facts;
    facts.version = LLMFT_VERSION;
#if defined(__clang__)
    facts.compiler = "clang " __clang_version__;
#else
    facts.compiler = "g++ " __VERSION__;
#endif
#if defined(NDEBUG)
    facts.kind = "release";
#else
    facts.kind = "debug";
#endif
    constexpr std::string_view kOff = LLMFT_OFF;
    for (size_t at = 0; at < kOff.size();) {
        const size_t end = std::min(kOff.find('|', at), kOff.size());
        facts.off.emplace_back(kOff.substr(at, end - at));
        at = end + 1;
    }
    return facts;
}

}   // namespace llmft
