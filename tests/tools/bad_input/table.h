// The set of bad input in one table: every variant of rows 1 to 48, 65 to 80 and 82 to 84, the kind of its error and
// the case that makes it. Rows 49 to 64 (tokenizers and templates) have their own tests in tests/data; row 81 needs
// several processes.
#pragma once

#include <span>

namespace llmft::test {

struct Variant {
    int row;
    const char* variant;   // what is wrong
    const char* kind;      // "LAYOUT" of E-LAYOUT, or "pass": it has to be read
    const char* by;        // a BadCase of this row, or a test case of bad_input_special_test.cpp or e2e_output_test.cpp
};

std::span<const Variant> variants();

}   // namespace llmft::test
