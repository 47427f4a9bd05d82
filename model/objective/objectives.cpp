#include "model/objective/objective.h"

namespace llmft {
namespace {

struct Entry {
    std::string_view name;
    const Objective& (*make)();
};
constexpr Entry kObjectives[] = {{"sft", sft}};

}   // namespace

const Objective& objective(std::string_view name) {
    for (const Entry& entry : kObjectives)
        if (entry.name == name) return entry.make();
    throw UserError("USAGE", "--objective", std::string(name), "this version does not have it", "use sft");
}

}   // namespace llmft
