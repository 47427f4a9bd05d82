// Where the tests' own files and the program under test lie, as the build knows them.
#pragma once

#include <filesystem>

namespace llmft::test {

std::filesystem::path source_dir();   // the root of the checkout
const char* program();                // the llmft binary

}   // namespace llmft::test
