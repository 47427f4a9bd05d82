// A value of a JSON file that knows where it stands, so that whatever is wrong with it is one UserError with file and
// field. Both classes are views: the document must outlive them.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/json.h"

namespace llmft {

class JsonField {
public:
    JsonField(const Json& value, std::string file, std::string path)
        : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

    const std::string& file() const { return file_; }
    const std::string& path() const { return path_; }   // "rope_scaling.factor", "merges[3]"; empty for the document
    const Json& json() const { return *value_; }
    [[noreturn]] void refuse(std::string_view kind, std::string_view what, std::string_view remedy) const;

    // Each refuses a value of another type (SCHEMA) and one outside the closed range (RANGE).
    std::string text() const;
    bool flag() const;
    int64_t integer(int64_t least, int64_t most) const;
    double number(double least, double most) const;   // an integer or a float
    std::vector<JsonField> items() const;             // of an array
    void expect_object() const;

    // Members of an object; anything else is SCHEMA.
    JsonField at(std::string_view key) const;                    // absent: SCHEMA
    std::optional<JsonField> find(std::string_view key) const;   // absent or null: nothing
    bool flag_or(std::string_view key, bool fallback) const;
    std::string text_or(std::string_view key, std::string_view fallback) const;

private:
    const Json* value_;
    std::string file_, path_;
};

// The members of one object, and a memory of which were asked for.
class Fields {
public:
    explicit Fields(JsonField object);

    JsonField at(std::string_view key);                    // absent or null: SCHEMA
    std::optional<JsonField> find(std::string_view key);   // absent or null: nothing
    std::vector<std::string> unread() const;               // keys nobody asked for, sorted

private:
    JsonField object_;
    std::set<std::string, std::less<>> asked_;
};

}   // namespace llmft
