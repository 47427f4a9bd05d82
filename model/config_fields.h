// What the readers of config.json share: bounds, and how they refuse. Private to model/config*.cpp.
#pragma once

#include <fmt/format.h>

#include <limits>

#include "engine/io/json_field.h"
#include "engine/io/quote.h"
#include "model/config.h"
#include "model/families.h"

namespace llmft {

// Bounds that no model comes near and whose products stay far below 2^63.
constexpr int64_t kMaxMlpWidth = int64_t{1} << 22;
constexpr int64_t kMaxLayers = int64_t{1} << 14;
constexpr int64_t kMaxPositions = std::numeric_limits<int32_t>::max();   // positions are int32
constexpr double kTiny = std::numeric_limits<float>::min();
constexpr std::string_view kRepair = "repair config.json or fetch it again";

inline int64_t required(Fields& fields, const JsonField& whole, const char* key, int64_t most) {
    const auto field = fields.find(key);
    // A config class would fill in the size of some 7B model; a file that leaves out its own size is damaged.
    if (!field)
        JsonField(whole.json(), whole.file(), key)
            .refuse("RANGE", fmt::format("is missing, wanted 1 to {}", most), kRepair);
    return field->integer(1, most);
}

inline int64_t integer_or(Fields& fields, const char* key, int64_t fallback, int64_t most) {
    const auto field = fields.find(key);
    return field ? field->integer(1, most) : fallback;
}

inline double number_or(Fields& fields, const char* key, double fallback, double least, double most) {
    const auto field = fields.find(key);
    return field ? field->number(least, most) : fallback;
}

inline bool flag_or(Fields& fields, const char* key, bool fallback) {
    const auto field = fields.find(key);
    return field ? field->flag() : fallback;
}

// A value that changes the mathematics to what this build does not compute.
[[noreturn]] inline void refuse_unbuilt(const JsonField& field) {
    const Json& value = field.json();
    const std::string got =
        value.is_primitive() ? in_quotes(value.is_string() ? value.get<std::string>() : value.dump()) : "set";
    field.refuse("SCHEMA", fmt::format("is {}, which this build does not compute", got), kOtherModel);
}

void read_heads(Fields&, const JsonField& whole, const Family&, ModelConfig&);   // hidden_size is there
void read_biases(Fields&, const Family&, ModelConfig&);
void read_windows(Fields&, const JsonField& whole, const Family&, ModelConfig&);   // num_hidden_layers is there

struct RopeBounds {
    int64_t head_dim;
    int64_t max_positions;   // max_position_embeddings
};
RopeConfig read_rope(Fields&, const RopeBounds&);

}   // namespace llmft
