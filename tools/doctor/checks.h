// A machine's facts judged: what works, what is slower than it could be and why, what is missing, and the command that
// changes it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/doctor/build.h"
#include "tools/doctor/machine.h"
#include "tools/doctor/measure.h"

namespace llmft {

enum class CheckStatus : uint8_t {
    kWorks,
    kSlower,    // works, but less well than it could
    kMissing,   // something that llmft can do is not to be had here
    kBroken,    // llmft cannot run
};
const char* name(CheckStatus);

struct Check {
    std::string name;
    CheckStatus status = CheckStatus::kWorks;
    std::string value;    // what was found
    std::string reason;   // why it is not better; empty where it works
    std::string fix;      // a command or an option; empty where there is none
};

// Everything that is judged. Facts are taken first, so that a test can judge any machine.
struct Examined {
    MachineFacts machine;
    BuildFacts build;
    std::string isa;              // whose kernels run
    std::string library;          // "oneDNN 2.6.3", or ""
    bool bf16_products = false;   // by the library
    int threads = 1;
    std::optional<std::string> wanted_threads;   // OMP_NUM_THREADS
    int gpu_driver_api = 0;
    std::string mpirun;
    DiskFacts disk;
    std::optional<int64_t> open_files, address_space;   // limits
    bool terminal = false;
    int terminal_columns = 0;
    bool utf8 = false;
    // Measured; nothing where it was not.
    std::optional<ProductSpeed> f32, bf16, portable;
    std::optional<double> copy_gbs;
};
Examined examine(bool measured);

std::vector<Check> judge(const Examined& examined);

}   // namespace llmft
