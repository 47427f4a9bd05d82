// Kinds of rotary embedding as a config.json names them, and their frequencies. Formulas, defaults and the order of
// operations: transformers, modeling_rope_utils.py.
#pragma once

#include <cstdint>
#include <vector>

namespace llmft {

enum class RopeKind : uint8_t { kDefault, kLinear, kDynamic, kLlama3, kYarn, kLongRope };

// kDynamic and kLongRope turn by the length L of the document: transformers takes the longest of the batch, llmft each
// document's own, so that a result does not depend on what it is batched with. While a document is generated, L grows,
// and cached keys stay as they were turned (in transformers too).
struct RopeConfig {
    RopeKind kind = RopeKind::kDefault;
    double theta = 10000;
    double factor = 1;                    // all but kDefault: how far the context is stretched
    double attention_scaling = 1;         // kYarn, kLongRope: of cosines and sines
    int64_t original_max_positions = 0;   // tokens before stretching; kDynamic, kLongRope: what is longer is long
    // kLlama3: wavelengths beyond original_max_positions / low_freq_factor are divided by `factor`, those below
    // original_max_positions / high_freq_factor are not
    double low_freq_factor = 1;
    double high_freq_factor = 4;
    // kYarn: pairs that turn more than beta_fast times within original_max_positions stay, less than beta_slow times
    // are divided by `factor`
    double beta_fast = 32;
    double beta_slow = 1;
    bool truncate = true;   // the range between them is widened to whole pairs
    // kLongRope, (D/2): what short and long documents' frequencies are divided by
    std::vector<double> short_factor, long_factor;
};

// Attention scaling where the file gives none.
double yarn_attention_scaling(double factor, double mscale, double mscale_all_dim);   // a scale of 0: not given
double longrope_attention_scaling(double factor, int64_t original_max_positions);

// (D/2) f32: the angle of pair i at position p is p · inv_freq[i]. kDynamic: of documents that are not long. kLongRope:
// (2, D/2), those of short documents, then those of long ones.
std::vector<float> rope_inv_freq(const RopeConfig&, int64_t head_dim);

}   // namespace llmft
