#include "engine/io/json_field.h"

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace llmft {
namespace {

constexpr std::string_view kRemedy = "repair the file or fetch it again";

}   // namespace

void JsonField::refuse(std::string_view kind, std::string_view what, std::string_view remedy) const {
    throw UserError(std::string(kind), file_, path_, what, remedy);
}

std::string JsonField::text() const {
    if (!value_->is_string()) refuse("SCHEMA", fmt::format("is {}, wanted a string", value_->type_name()), kRemedy);
    return value_->get<std::string>();
}

bool JsonField::flag() const {
    if (!value_->is_boolean())
        refuse("SCHEMA", fmt::format("is {}, wanted true or false", value_->type_name()), kRemedy);
    return value_->get<bool>();
}

int64_t JsonField::integer(int64_t least, int64_t most) const {
    if (!value_->is_number_integer()) {
        const std::string got = value_->is_number() ? value_->dump() : value_->type_name();
        refuse("SCHEMA", fmt::format("is {}, wanted an integer", got), kRemedy);
    }
    const auto x = value_->get<int64_t>();
    if (x < least || x > most) refuse("RANGE", fmt::format("is {}, wanted {} to {}", x, least, most), kRemedy);
    return x;
}

double JsonField::number(double least, double most) const {
    if (!value_->is_number()) refuse("SCHEMA", fmt::format("is {}, wanted a number", value_->type_name()), kRemedy);
    const auto x = value_->get<double>();
    if (!(x >= least && x <= most))
        refuse("RANGE", fmt::format("is {}, wanted {} to {}", value_->dump(), least, most), kRemedy);
    return x;
}

std::vector<JsonField> JsonField::items() const {
    if (!value_->is_array()) refuse("SCHEMA", fmt::format("is {}, wanted an array", value_->type_name()), kRemedy);
    std::vector<JsonField> fields;
    fields.reserve(value_->size());
    for (size_t i = 0; i < value_->size(); ++i)
        fields.emplace_back((*value_)[i], file_, fmt::format("{}[{}]", path_, i));
    return fields;
}

void JsonField::expect_object() const {
    if (!value_->is_object()) refuse("SCHEMA", fmt::format("is {}, wanted an object", value_->type_name()), kRemedy);
}

JsonField JsonField::at(std::string_view key) const {
    expect_object();
    const std::string path = path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
    const auto found = value_->find(key);
    if (found == value_->end()) JsonField(*value_, file_, path).refuse("SCHEMA", "is missing", kRemedy);
    return {*found, file_, path};
}

std::optional<JsonField> JsonField::find(std::string_view key) const {
    expect_object();
    const auto found = value_->find(key);
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

Fields::Fields(JsonField object) : object_(std::move(object)) {
    object_.expect_object();
}

JsonField Fields::at(std::string_view key) {
    asked_.emplace(key);
    const JsonField field = object_.at(key);
    if (field.json().is_null()) field.refuse("SCHEMA", "is null", kRemedy);
    return field;
}

std::optional<JsonField> Fields::find(std::string_view key) {
    asked_.emplace(key);
    return object_.find(key);
}

std::vector<std::string> Fields::unread() const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : object_.json().items())
        if (!asked_.contains(key)) keys.push_back(key);
    return keys;
}

}   // namespace llmft
