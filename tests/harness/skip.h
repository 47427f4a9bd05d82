// For a test that cannot run here: say why and return. It is counted as skipped, unless something failed before.
//   if (!exists(file)) return skip("no " + file);
#pragma once

#include <string>

namespace llmft::test {

void skip(const std::string& reason);

}   // namespace llmft::test
