#include "model/rope.h"

#include <algorithm>
#include <cmath>

namespace llmft {
namespace {

float f32(double x) {
    return static_cast<float>(x);
}

float divided(float scalar, float x) {
    return 1.0f / x * scalar;
}   // as torch divides a number by a tensor

// θ^(2i/D)
std::vector<float> powers(double theta, int64_t head_dim) {
    std::vector<float> result;
    for (int64_t i = 0; i < head_dim; i += 2)
        result.push_back(
            f32(std::pow(double{f32(theta)}, double{static_cast<float>(i) / static_cast<float>(head_dim)})));
    return result;
}

void stretch_llama3(const RopeConfig& r, std::vector<float>& inv_freq) {
    const auto original = static_cast<double>(r.original_max_positions);
    const float longest = f32(original / r.low_freq_factor), shortest = f32(original / r.high_freq_factor);
    const float factor = f32(r.factor), low = f32(r.low_freq_factor);
    const float between = f32(r.high_freq_factor - r.low_freq_factor);
    for (float& f : inv_freq) {
        const float wavelength = divided(f32(2 * M_PI), f);
        if (wavelength > longest) {
            f = f / factor;
        } else if (!(wavelength < shortest)) {
            const float smooth = (divided(f32(original), wavelength) - low) / between;
            f = (1.0f - smooth) * f / factor + smooth * f;
        }
    }
}

// The pair that turns `rotations` times within the original length, as a fraction.
double yarn_pair(const RopeConfig& r, double rotations, double dim) {
    const auto original = static_cast<double>(r.original_max_positions);
    return dim * std::log(original / (rotations * 2 * M_PI)) / (2 * std::log(r.theta));
}

std::vector<float> yarn(const RopeConfig& r, const std::vector<float>& turns, int64_t head_dim) {
    const auto dim = static_cast<double>(head_dim);
    const double fast = yarn_pair(r, r.beta_fast, dim), slow = yarn_pair(r, r.beta_slow, dim);
    const double low = std::max(r.truncate ? std::floor(fast) : fast, 0.0);
    double high = std::min(r.truncate ? std::ceil(slow) : slow, dim - 1);
    if (low == high) high += 0.001;
    std::vector<float> inv_freq;
    for (size_t i = 0; i < turns.size(); ++i) {
        const float ramp = std::clamp((static_cast<float>(i) - f32(low)) / f32(high - low), 0.0f, 1.0f);
        const float kept = 1.0f - ramp;
        inv_freq.push_back(1.0f / (f32(r.factor) * turns[i]) * (1.0f - kept) + 1.0f / turns[i] * kept);
    }
    return inv_freq;
}

double yarn_scale(double factor, double mscale) {
    return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

}   // namespace

double yarn_attention_scaling(double factor, double mscale, double mscale_all_dim) {
    if (mscale == 0 || mscale_all_dim == 0) return yarn_scale(factor, 1);
    return yarn_scale(factor, mscale) / yarn_scale(factor, mscale_all_dim);
}

double longrope_attention_scaling(double factor, int64_t original_max_positions) {
    return factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(static_cast<double>(original_max_positions)));
}

std::vector<float> rope_inv_freq(const RopeConfig& r, int64_t head_dim) {
    const std::vector<float> turns = powers(r.theta, head_dim);
    std::vector<float> inv_freq;
    if (r.kind == RopeKind::kLongRope) {
        for (const std::vector<double>* factors : {&r.short_factor, &r.long_factor})
            for (size_t i = 0; i < turns.size(); ++i) inv_freq.push_back(1.0f / (f32((*factors)[i]) * turns[i]));
        return inv_freq;
    }
    if (r.kind == RopeKind::kYarn) return yarn(r, turns, head_dim);
    for (const float turn : turns) inv_freq.push_back(1.0f / turn);
    if (r.kind == RopeKind::kLinear)
        for (float& f : inv_freq) f /= f32(r.factor);
    if (r.kind == RopeKind::kLlama3) stretch_llama3(r, inv_freq);
    return inv_freq;
}

}   // namespace llmft
