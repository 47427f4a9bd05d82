#include "model/adapter/lora_init.h"

#include <cmath>

#include "model/names.h"

namespace llmft {
namespace {

// Two uniforms make a normal number (Box & Muller 1958).
double normal(const HostRandom& random, uint64_t index) {
    const double u = 1 - double{random.uniform(2 * index)};   // in (0, 1]
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * double{random.uniform(2 * index + 1)});
}

template <class Draw>
void fill(const Parameter& p, uint32_t seed, Run& run, Draw&& draw) {
    const HostRandom random(seed, purpose_of(p.name.c_str()));
    std::vector<float> values(static_cast<size_t>(p.rows * p.cols));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(draw(random, i));
    run.device.upload(p.value, values.data(), run.stream);
    run.device.synchronize(run.stream);
}

void fill_uniform(const Parameter& p, int64_t width, uint32_t seed, Run& run) {
    const double bound = 1 / std::sqrt(static_cast<double>(width));
    fill(p, seed, run, [&](const HostRandom& r, uint64_t i) { return bound * (2 * double{r.uniform(i)} - 1); });
}

void fill_normal(const Parameter& p, double deviation, uint32_t seed, Run& run) {
    fill(p, seed, run, [&](const HostRandom& r, uint64_t i) { return deviation * normal(r, i); });
}

using Matrix64 = std::vector<std::vector<double>>;   // rows

// Orthonormal rows from Gaussian ones (Gram & Schmidt, each row twice).
Matrix64 orthonormal(size_t n, const HostRandom& random) {
    Matrix64 q(n, std::vector<double>(n));
    for (size_t i = 0; i < n; ++i) {
        for (size_t j = 0; j < n; ++j) q[i][j] = normal(random, i * n + j);
        for (size_t pass = 0; pass < 2; ++pass)
            for (size_t k = 0; k < i; ++k) {
                double dot = 0;
                for (size_t j = 0; j < n; ++j) dot += q[i][j] * q[k][j];
                for (size_t j = 0; j < n; ++j) q[i][j] -= dot * q[k][j];
            }
        double norm = 0;
        for (const double x : q[i]) norm += x * x;
        for (double& x : q[i]) x /= std::sqrt(norm);
    }
    return q;
}

// A = (randn(in, r/2)·Q[even])ᵀ/10 or B = (randn(out, r/2)·Q[odd])/10: element (rank k, width w).
void fill_orthogonal(const Parameter& p, bool is_a, const Matrix64& q, uint32_t seed, Run& run) {
    const HostRandom random(seed, purpose_of(p.name.c_str()));
    const size_t rank = q.size(), half = rank / 2;
    const auto width = static_cast<size_t>(is_a ? p.cols : p.rows);
    std::vector<float> values(rank * width);
    for (size_t w = 0; w < width; ++w)
        for (size_t k = 0; k < rank; ++k) {
            double sum = 0;
            for (size_t h = 0; h < half; ++h) sum += normal(random, w * half + h) * q[2 * h + (is_a ? 0 : 1)][k];
            values[is_a ? k * width + w : w * rank + k] = static_cast<float>(sum / 10);
        }
    run.device.upload(p.value, values.data(), run.stream);
    run.device.synchronize(run.stream);
}

void draw_orthogonal(const Parameter& p, bool is_a, uint32_t seed, Run& run) {
    const int64_t rank = is_a ? p.rows : p.cols;
    if (rank % 2 != 0) throw InternalError("orthogonal factors of an odd rank");
    const std::string module = p.name.substr(0, p.name.rfind(is_a ? names::kLoraA : names::kLoraB)) + ".lora_Q";
    fill_orthogonal(p, is_a, orthonormal(static_cast<size_t>(rank), HostRandom(seed, purpose_of(module.c_str()))), seed,
                    run);
}

}   // namespace

void initialise_lora(const std::vector<Parameter>& parameters, LoraInit init, uint32_t seed, Run& run) {
    for (const Parameter& p : parameters) {
        const bool a = p.name.ends_with(names::kLoraA), b = p.name.ends_with(names::kLoraB);
        const bool from_zero = init != LoraInit::kRandomB;
        if (p.name.ends_with(names::kLoraEmbeddingB) || (p.name.ends_with(names::kLoraEmbeddingA) && !from_zero))
            fill_normal(p, 1, seed, run);
        else if ((a || b) && init == LoraInit::kOrthogonal)
            draw_orthogonal(p, a, seed, run);
        else if (a && init == LoraInit::kGaussian)
            fill_normal(p, 1 / static_cast<double>(p.rows), seed, run);
        else if (a || (b && !from_zero))
            fill_uniform(p, p.cols, seed, run);
        else if (p.name.ends_with(names::kLoraBias) && !from_zero)
            throw UserError("USAGE", "--lora-bias", "", "it starts from zero alone", "use --init-lora-weights true");
    }
}

}   // namespace llmft
