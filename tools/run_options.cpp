#include "tools/run_options.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "engine/log/log.h"

namespace llmft {

DType ModelOptions::compute_dtype() const {
    if (dtype == "f16") throw UserError("USAGE", "--dtype", "f16", "the CPU does not train in f16", "use f32 or bf16");
    if (dtype != "bf16") return DType::kF32;
    if (portable) throw UserError("USAGE", "--portable", "", "it computes in f32", "drop --dtype bf16");
    return cpu::gemm_has(GemmEngine::kOneDnn, DType::kBf16) ? DType::kBf16 : DType::kF32;
}

void ModelOptions::note_dtype() const {
    if (dtype == "bf16" && compute_dtype() == DType::kF32)
        log::note("this processor or build has no bf16 products: computing in f32");
}

std::unique_ptr<Device> ModelOptions::make_device() const {
    if (device == "cuda") return make_cuda_device();
    if (device == "sim") throw UserError("USAGE", "--device", "sim", "this version does not have it yet", "use cpu");
    note_dtype();
    const bool onednn = !portable && cpu::gemm_has(GemmEngine::kOneDnn, compute_dtype());
    return make_cpu_device({.gemm = onednn ? GemmEngine::kOneDnn : GemmEngine::kPortable});
}

std::optional<Quantization> ModelOptions::resolved_quantization(const ModelConfig& config) const {
    if (quantization == "none") return config.quantization;
    const Quant4 kind = quant4_named(quantization);
    if (config.quantization && config.quantization->kind() != kind)
        throw UserError("USAGE", "--quantization", quantization,
                        fmt::format("the model is in {} already", name(config.quantization->kind())),
                        "drop the flag, or give the unquantised model");
    if (config.quantization) return config.quantization;
    return Quantization(kind, double_quant ? DoubleQuant::kYes : DoubleQuant::kNo);
}

int64_t MemoryOptions::limit_bytes() const {
    constexpr double kShare = 0.9;   // of the machine: the rest is for the files being read and everyone else
    if (memory_limit.empty())
        return static_cast<int64_t>(
            kShare * static_cast<double>(make_cpu_device({.gemm = GemmEngine::kPortable})->properties().memory_bytes));
    double value = 0;
    const auto [end, error] = std::from_chars(memory_limit.data(), memory_limit.data() + memory_limit.size(), value);
    const std::string_view unit(end, memory_limit.data() + memory_limit.size());
    const double scale = unit.empty()    ? 1
                         : unit == "KiB" ? 0x1p10
                         : unit == "MiB" ? 0x1p20
                         : unit == "GiB" ? 0x1p30
                                         : 0;
    if (error != std::errc() || scale == 0 || !(value > 0) || value * scale > 0x1p62)
        throw UserError("VALUE", "--memory-limit", memory_limit, "it is no number of bytes",
                        "give bytes, or a number with KiB, MiB or GiB");
    return static_cast<int64_t>(value * scale);
}

}   // namespace llmft
