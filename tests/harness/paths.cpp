#include "tests/harness/paths.h"

namespace llmft::test {

std::filesystem::path source_dir() {
    return LLMFT_SOURCE_DIR;
}
const char* program() {
    return LLMFT_BINARY;
}

}   // namespace llmft::test
