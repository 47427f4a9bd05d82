// A value of a JSON file that remembers where it came from, so that whatever is wrong with it is one UserError that
// names file and field. A view: the document must outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/json.h"

namespace llmft {

class JsonField {
public:
    JsonField(const Json& value, std::string file, std::string path)
        : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

    const std::string& path() const { return path_; }
    const Json& json() const { return *value_; }
    [[noreturn]] void refuse(std::string_view kind, std::string_view what, std::string_view remedy) const;

    // Each refuses (SCHEMA) a value of another type.
    std::string text() const;
    bool flag() const;
    int64_t integer(int64_t least, int64_t most) const;   // outside: RANGE
    std::vector<JsonField> items() const;

    JsonField at(std::string_view key) const;                    // absent: SCHEMA
    std::optional<JsonField> find(std::string_view key) const;   // absent or null: nothing
    bool flag_or(std::string_view key, bool fallback) const;
    std::string text_or(std::string_view key, std::string_view fallback) const;

private:
    const Json* value_;
    std::string file_, path_;
};

}   // namespace llmft
