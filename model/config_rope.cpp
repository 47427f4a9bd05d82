// Rotary embedding in config.json. Three spellings: rope_theta beside rope_scaling (which wins, as in transformers), or
// all in rope_parameters; the kind is rope_type or, in old files, type.
#include "model/config_fields.h"

namespace llmft {
namespace {

constexpr double kMaxFactor = 1e6;
constexpr double kMaxTheta = 1e12;

struct Named {
    std::string_view name;
    RopeKind kind;
};
constexpr Named kKinds[] = {{"default", RopeKind::kDefault}, {"linear", RopeKind::kLinear},
                            {"dynamic", RopeKind::kDynamic}, {"llama3", RopeKind::kLlama3},
                            {"yarn", RopeKind::kYarn},       {"longrope", RopeKind::kLongRope},
                            {"su", RopeKind::kLongRope}};   // su: longrope's first name

RopeKind kind_named(const JsonField& field) {
    const std::string name = field.text();
    for (const Named& one : kKinds)
        if (one.name == name) return one.kind;
    field.refuse(
        "RANGE",
        fmt::format("is {}, this build has default, linear, dynamic, llama3, yarn and longrope", in_quotes(name)),
        kOtherModel);
}

void expect_full_rotation(Fields& fields) {
    if (const auto part = fields.find("partial_rotary_factor"))
        if (part->number(0, 1) != 1) refuse_unbuilt(*part);
}

void expect_one_for_all_layers(Fields& in) {
    for (const char* key : {"full_attention", "sliding_attention", "mrope_section"})
        if (const auto field = in.find(key)) refuse_unbuilt(*field);
}

// Below 1 a context would shrink; transformers only warns.
double factor_of(const JsonField& field) {
    return field.number(kTiny, kMaxFactor);
}

// Where `factor` is absent: how much longer the model's positions are than the original ones.
double factor_or_ratio(Fields& in, const RopeConfig& rope, const RopeBounds& bounds) {
    const auto factor = in.find("factor");
    return factor ? factor_of(*factor)
                  : static_cast<double>(bounds.max_positions) / static_cast<double>(rope.original_max_positions);
}

void read_llama3(Fields& in, RopeConfig& rope) {
    rope.factor = factor_of(in.at("factor"));
    rope.low_freq_factor = in.at("low_freq_factor").number(kTiny, kMaxFactor);
    const auto high = in.at("high_freq_factor");
    rope.high_freq_factor = high.number(kTiny, kMaxFactor);
    if (!(rope.high_freq_factor > rope.low_freq_factor))
        high.refuse(
            "RANGE",
            fmt::format("is {}, wanted more than low_freq_factor {}", rope.high_freq_factor, rope.low_freq_factor),
            kRepair);
}

void read_yarn(Fields& in, const JsonField& kind, const RopeBounds& bounds, RopeConfig& rope) {
    if (!(rope.theta > 1))
        kind.refuse("RANGE", fmt::format("is \"yarn\" with rope_theta {}, wanted more than 1", rope.theta), kRepair);
    rope.factor = factor_or_ratio(in, rope, bounds);
    const auto rotations = [&](const char* key, double fallback) {   // 0 counts as absent
        const double given = number_or(in, key, 0, 0, kMaxFactor);
        return given > 0 ? given : fallback;
    };
    rope.beta_fast = rotations("beta_fast", rope.beta_fast);
    rope.beta_slow = rotations("beta_slow", rope.beta_slow);
    rope.truncate = flag_or(in, "truncate", true);
    const double mscale = number_or(in, "mscale", 0, 0, kMaxFactor);
    const double mscale_all_dim = number_or(in, "mscale_all_dim", 0, 0, kMaxFactor);
    rope.attention_scaling = number_or(in, "attention_factor",
                                       yarn_attention_scaling(rope.factor, mscale, mscale_all_dim), kTiny, kMaxFactor);
}

std::vector<double> pair_factors(Fields& in, const char* key, int64_t pairs) {
    const auto field = in.at(key);
    std::vector<double> factors;
    for (const JsonField& item : field.items()) factors.push_back(item.number(kTiny, kMaxFactor));
    if (static_cast<int64_t>(factors.size()) != pairs)
        field.refuse("SCHEMA", fmt::format("has {} numbers, wanted one for each of {} pairs", factors.size(), pairs),
                     kRepair);
    return factors;
}

void read_longrope(Fields& in, const JsonField& kind, const RopeBounds& bounds, RopeConfig& rope) {
    if (rope.original_max_positions < 2)
        kind.refuse("RANGE", "is for an original length of one token, wanted more", kRepair);
    rope.factor = factor_or_ratio(in, rope, bounds);
    rope.short_factor = pair_factors(in, "short_factor", bounds.head_dim / 2);
    rope.long_factor = pair_factors(in, "long_factor", bounds.head_dim / 2);
    rope.attention_scaling =
        number_or(in, "attention_factor", longrope_attention_scaling(rope.factor, rope.original_max_positions), kTiny,
                  kMaxFactor);
}

void read_kind(Fields& in, const JsonField& kind, const RopeBounds& bounds, RopeConfig& rope) {
    switch (rope.kind) {
        case RopeKind::kDefault: break;
        case RopeKind::kLinear: rope.factor = factor_of(in.at("factor")); break;
        case RopeKind::kDynamic:
            if (bounds.head_dim < 4)
                kind.refuse("RANGE", fmt::format("is \"dynamic\" with head_dim {}, wanted at least 4", bounds.head_dim),
                            kRepair);
            rope.factor = in.at("factor").number(1, kMaxFactor);
            rope.original_max_positions = bounds.max_positions;
            break;
        case RopeKind::kLlama3: read_llama3(in, rope); break;
        case RopeKind::kYarn: read_yarn(in, kind, bounds, rope); break;
        case RopeKind::kLongRope: read_longrope(in, kind, bounds, rope); break;
    }
}

}   // namespace

RopeConfig read_rope(Fields& fields, const RopeBounds& bounds) {
    RopeConfig rope;
    rope.theta = number_or(fields, "rope_theta", Family::kRopeTheta, kTiny, kMaxTheta);
    expect_full_rotation(fields);
    const auto outer_original = fields.find("original_max_position_embeddings");
    const auto parameters = fields.find("rope_parameters"), scaling = fields.find("rope_scaling");
    const auto& dict = scaling && !(scaling->json().is_object() && scaling->json().empty()) ? scaling : parameters;
    if (!dict) return rope;

    Fields in(*dict);
    rope.theta = number_or(in, "rope_theta", rope.theta, kTiny, kMaxTheta);
    expect_full_rotation(in);
    expect_one_for_all_layers(in);
    auto kind = in.find("rope_type");
    if (!kind) kind = in.find("type");
    if (kind) rope.kind = kind_named(*kind);
    if (rope.kind == RopeKind::kDefault) return rope;
    const auto original = outer_original ? outer_original : in.find("original_max_position_embeddings");
    rope.original_max_positions = original ? original->integer(1, kMaxPositions) : bounds.max_positions;
    read_kind(in, *kind, bounds, rope);
    return rope;
}

}   // namespace llmft
