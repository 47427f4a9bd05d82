#include "tools/report/run_names.h"

namespace llmft {

std::string last_name(const Path& path) {
    if (path.empty()) return "";
    const Path whole = std::filesystem::absolute(path).lexically_normal();
    return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

std::string method_name(const std::string& method, BaseWeights base) {
    return method == "lora" && base == BaseWeights::kFourBits ? "qlora" : method;
}

}   // namespace llmft
