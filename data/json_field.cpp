#include "data/json_field.h"

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr std::string_view kFetchAgain = "fetch the file again";

}   // namespace

void JsonField::refuse(std::string_view kind, std::string_view what, std::string_view remedy) const {
    throw UserError(std::string(kind), file_, path_, what, remedy);
}

std::string JsonField::text() const {
    if (!value_->is_string()) refuse("SCHEMA", fmt::format("is {}, wanted a string", value_->type_name()), kFetchAgain);
    return value_->get<std::string>();
}

bool JsonField::flag() const {
    if (!value_->is_boolean())
        refuse("SCHEMA", fmt::format("is {}, wanted true or false", value_->type_name()), kFetchAgain);
    return value_->get<bool>();
}

int64_t JsonField::integer(int64_t least, int64_t most) const {
    if (!value_->is_number_integer())
        refuse("SCHEMA", fmt::format("is {}, wanted an integer", value_->dump()), kFetchAgain);
    const bool beyond = value_->is_number_unsigned() && value_->get<uint64_t>() > uint64_t{INT64_MAX};
    const int64_t value = beyond ? INT64_MAX : value_->get<int64_t>();
    if (beyond || value < least || value > most)
        refuse("RANGE", fmt::format("is {}, wanted {} to {}", value_->dump(), least, most), kFetchAgain);
    return value;
}

std::vector<JsonField> JsonField::items() const {
    if (!value_->is_array()) refuse("SCHEMA", fmt::format("is {}, wanted an array", value_->type_name()), kFetchAgain);
    std::vector<JsonField> fields;
    fields.reserve(value_->size());
    for (size_t i = 0; i < value_->size(); ++i)
        fields.emplace_back((*value_)[i], file_, fmt::format("{}[{}]", path_, i));
    return fields;
}

JsonField JsonField::at(std::string_view key) const {
    if (!value_->is_object())
        refuse("SCHEMA", fmt::format("is {}, wanted an object", value_->type_name()), kFetchAgain);
    const auto found = value_->find(std::string(key));
    const std::string path = path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
    if (found == value_->end()) JsonField(*value_, file_, path).refuse("SCHEMA", "is missing", kFetchAgain);
    return {*found, file_, path};
}

std::optional<JsonField> JsonField::find(std::string_view key) const {
    if (!value_->is_object())
        refuse("SCHEMA", fmt::format("is {}, wanted an object", value_->type_name()), kFetchAgain);
    const auto found = value_->find(std::string(key));
    if (found == value_->end() || found->is_null()) return std::nullopt;
    return at(key);
}

bool JsonField::flag_or(std::string_view key, bool fallback) const {
    const auto field = find(key);
    return field ? field->flag() : fallback;
}

std::string JsonField::text_or(std::string_view key, std::string_view fallback) const {
    const auto field = find(key);
    return field ? field->text() : std::string(fallback);
}

}   // namespace llmft
