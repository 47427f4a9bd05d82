// The worst errors of every golden case as JSON lines, for tests/oracle/parity.py:   llmft_parity [CASE…]
#include <cmath>
#include <cstdio>

#include "tests/model/measure.h"

using namespace llmft;
using namespace llmft::test;

namespace {

void print(Json line) {
    std::printf("%s\n", line.dump().c_str());
}

// Returns whether it could be measured.
bool report(const std::string& name) try {
    const Golden golden = read_golden(name);
    for (const GemmEngine gemm : gemm_engines())
        for (const Measured& one : measure(golden, gemm))
            print({{"case", name},
                   {"gemm", gemm == GemmEngine::kPortable ? "portable" : "oneDNN"},
                   {"quantity", one.quantity},
                   {"error", std::isfinite(one.error) ? Json(one.error) : Json(nullptr)},
                   {"allowed", one.allowed},
                   {"where", one.where}});
    return true;
} catch (const std::exception& error) {
    print({{"case", name}, {"failed", error.what()}});
    return false;
}

}   // namespace

int main(int argc, char** argv) {
    std::vector<std::string> names(argv + 1, argv + argc);
    if (names.empty()) names = golden_names();
    bool all = true;
    for (const std::string& name : names) all = report(name) && all;
    return all ? 0 : 1;
}
