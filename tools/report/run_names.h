// What a run is called: in lists of runs as in its own report.
#pragma once

#include <string>

#include "engine/io/file.h"

namespace llmft {

// The last name of a folder or file, however it was given: "a/b/", "a/b/.", "." inside of it.
std::string last_name(const Path& path);

// What a method is called over such a base: LoRA over one in four bits is QLoRA, whichever of them was asked for.
enum class BaseWeights : uint8_t { kWhole, kFourBits };
std::string method_name(const std::string& method, BaseWeights base);

}   // namespace llmft
