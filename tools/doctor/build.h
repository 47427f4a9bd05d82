// How this program was built.
#pragma once

#include <string>
#include <vector>

namespace llmft {

struct BuildFacts {
    std::string version;
    std::string compiler;
    std::string kind;               // "release", "debug"
    std::vector<std::string> off;   // parts that it lacks, each with what to do about it
};

BuildFacts build_facts();

}   // namespace llmft
