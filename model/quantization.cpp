#include "model/quantization.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/quote.h"
#include "engine/io/safetensors.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr std::string_view kRemedy = "use a model in bitsandbytes' four bits, or the unquantised one";
constexpr const char* kHead = "lm_head";

}   // namespace

Quantization::Quantization(Quant4 kind, DoubleQuant double_quant) : kind_(kind), double_quant_(double_quant) {
    skip(kHead, "", "");
}

void Quantization::skip(const std::string& entry, const std::string& file, const std::string& field) {
    skipped_.push_back({entry, Pattern("(?:" + entry + ")(?:(?<=\\.)|(?=\\.|$)).*", file, field)});
}

Quantization Quantization::read(const JsonField& config) {
    config.expect_object();
    const auto method = config.find("quant_method");
    if (method && method->text() != "bitsandbytes")
        method->refuse("SCHEMA", fmt::format("is {}, which this build does not read", in_quotes(method->text())),
                       kRemedy);
    if (!config.flag_or("load_in_4bit", config.flag_or("_load_in_4bit", false)))
        config.refuse("SCHEMA", "does not say load_in_4bit, and other widths are not built", kRemedy);
    const std::string type = config.text_or("bnb_4bit_quant_type", "fp4");
    if (type != "nf4" && type != "fp4")
        config.at("bnb_4bit_quant_type")
            .refuse("SCHEMA", fmt::format("is {}, wanted nf4 or fp4", in_quotes(type)), kRemedy);
    const bool nested = config.flag_or("bnb_4bit_use_double_quant", false);
    Quantization q(type == "nf4" ? Quant4::kNf4 : Quant4::kFp4, nested ? DoubleQuant::kYes : DoubleQuant::kNo);
    if (const auto skipped = config.find("llm_int8_skip_modules")) {
        q.skipped_.clear();
        for (const JsonField& entry : skipped->items()) q.skip(entry.text(), entry.file(), entry.path());
    }
    return q;
}

bool Quantization::covers(std::string_view module) const {
    const std::string_view name = module.substr(module.rfind('.') + 1);   // npos + 1 is 0
    return std::none_of(skipped_.begin(), skipped_.end(), [&](const Skipped& s) {
        return name == s.entry || module.ends_with(s.entry) || module.find(s.entry + ".") != std::string_view::npos ||
               s.around.full_match(module);
    });
}

Json Quantization::config(DType encoded) const {
    return {{"quant_method", "bitsandbytes"},
            {"load_in_4bit", true},
            {"load_in_8bit", false},
            {"_load_in_4bit", true},
            {"_load_in_8bit", false},
            {"bnb_4bit_quant_type", name(kind_)},
            {"bnb_4bit_use_double_quant", double_quant_ == DoubleQuant::kYes},
            {"bnb_4bit_compute_dtype", torch_name(encoded)},
            {"bnb_4bit_quant_storage", "uint8"},
            {"llm_int8_threshold", 6.0},
            {"llm_int8_skip_modules", nullptr},
            {"llm_int8_enable_fp32_cpu_offload", false},
            {"llm_int8_has_fp16_weight", false}};
}

Quant4 quant4_named(std::string_view name) {
    if (name == "nf4") return Quant4::kNf4;
    if (name == "fp4") return Quant4::kFp4;
    throw UserError("USAGE", "--quantization", name, "this version does not have it", "use nf4 or fp4");
}

}   // namespace llmft
