#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/io/quote.h"
#include "kernels/base/error.h"
#include "model/gguf.h"

namespace llmft {
namespace {

constexpr std::string_view kOther = "use the Hugging Face folder of the model";
constexpr double kMostFactor = 1e6;

// Llama 3's rule (transformers, modeling_rope_utils.py: llama3): a pair's frequency is divided by
struct Llama3Rule {
    double factor, original;   // low_freq_factor 1 and high_freq_factor 4, as in every Llama 3
    static constexpr double kLow = 1, kHigh = 4;

    double divisor(double frequency) const {
        const double wavelength = 2 * M_PI / frequency;
        if (wavelength < original / kHigh) return 1;
        if (wavelength > original / kLow) return factor;
        const double smooth = (original / wavelength - kLow) / (kHigh - kLow);
        return 1 / ((1 - smooth) / factor + smooth);
    }
};

bool follows(const std::vector<float>& divisors, const Llama3Rule& rule, double theta) {
    // The converter computed in f32: theta's power, a wavelength, a difference of near numbers.
    constexpr double kRelative = 1e-5;
    const auto pairs = static_cast<double>(divisors.size());
    for (size_t i = 0; i < divisors.size(); ++i) {
        const double wanted = rule.divisor(std::pow(theta, -static_cast<double>(i) / pairs));
        if (!(std::abs(divisors[i] - wanted) <= kRelative * wanted)) return false;
    }
    return true;
}

// The parameters that make these divisors: the last pair has the factor, the length of the first training is a power of
// two, for every Llama 3 so far this one.
std::optional<Json> llama3_rule(const std::vector<float>& divisors, double theta) {
    constexpr int64_t kUsual = 8192, kShortest = 16, kLongest = 1 << 20;
    std::vector<int64_t> lengths = {kUsual};
    for (int64_t length = kShortest; length <= kLongest; length *= 2) lengths.push_back(length);
    for (const int64_t length : lengths) {
        const Llama3Rule rule = {.factor = divisors.back(), .original = static_cast<double>(length)};
        if (rule.factor > 1 && rule.factor <= kMostFactor && follows(divisors, rule, theta))
            return Json{{"rope_type", "llama3"},
                        {"factor", rule.factor},
                        {"low_freq_factor", Llama3Rule::kLow},
                        {"high_freq_factor", Llama3Rule::kHigh},
                        {"original_max_position_embeddings", length}};
    }
    return std::nullopt;
}

// The file keeps no parameters, only what the rule makes of them.
Json llama3_from_divisors(const GgufTensor& tensor, const Gguf& gguf, double theta, int64_t head_dim) {
    const auto refuse = [&](std::string_view what) {
        throw UserError("SCHEMA", gguf.file(), "tensor " + in_quotes(tensor.name), what, kOther);
    };
    if (tensor.type->rows != DType::kF32 || tensor.type->decode != nullptr || tensor.rank != 1 ||
        tensor.cols() != head_dim / 2 || head_dim < 2)
        refuse(fmt::format("is not {} f32 numbers", head_dim / 2));
    std::vector<float> divisors(static_cast<size_t>(head_dim / 2));
    std::memcpy(divisors.data(), tensor.bytes.data(), tensor.bytes.size());
    if (std::all_of(divisors.begin(), divisors.end(), [](float x) { return x == 1; })) return {};
    if (const auto rule = llama3_rule(divisors, theta)) return *rule;
    refuse("its frequencies follow no rule that this build computes");
    return {};
}

Json yarn(const Gguf& gguf, const std::string& prefix, double factor) {
    Json scaling = {{"rope_type", "yarn"}, {"factor", factor}};
    if (const auto original = gguf.find_value(prefix + ".original_context_length"))
        scaling["original_max_position_embeddings"] = original->integer(1, INT32_MAX);
    for (const char* beta : {"beta_fast", "beta_slow"})
        if (const auto value = gguf.find_value(fmt::format("{}.yarn_{}", prefix, beta)))
            scaling[beta] = value->number(0, kMostFactor);
    return scaling;
}

}   // namespace

Json gguf_rope_scaling(const Gguf& gguf, double theta, int64_t head_dim) {
    const std::string architecture(gguf_architecture(gguf).name), prefix = architecture + ".rope.scaling";
    const GgufTensor* divisors = gguf.find("rope_freqs.weight");
    const auto type = gguf.find_value(prefix + ".type");
    const std::string_view kind = type ? type->text() : "none";
    if (divisors != nullptr) {
        if (kind != "none") type->refuse("SCHEMA", "stands beside a rope_freqs.weight", kOther);
        return llama3_from_divisors(*divisors, gguf, theta, head_dim);
    }
    if (kind == "none") {
        // The older spelling of linear.
        const auto scale = gguf.find_value(architecture + ".rope.scale_linear");
        const double factor = scale ? scale->number(1e-6, kMostFactor) : 1;
        return factor == 1 ? Json() : Json{{"rope_type", "linear"}, {"factor", factor}};
    }
    if (kind != "linear" && kind != "yarn")
        type->refuse("SCHEMA", fmt::format("is {}, read are none, linear and yarn", in_quotes(kind)), kOther);
    const double factor = gguf.value(prefix + ".factor").number(1e-6, kMostFactor);
    return kind == "linear" ? Json{{"rope_type", "linear"}, {"factor", factor}} : yarn(gguf, prefix, factor);
}

}   // namespace llmft
