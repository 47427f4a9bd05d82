// Token strings and their ids: dense, 0 … size − 1, no string twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/io/json_field.h"

namespace llmft {

class Vocabulary {
public:
    // From an object of token → id, which is taken apart, so that nothing is there twice. Refuses, as `field`, ids
    // below 0, twice, or with a gap, and more than 2^21 tokens.
    Vocabulary(const JsonField& field, Json object);
    Vocabulary(Vocabulary&&) = default;   // a copy's ids_ would look into another's tokens_
    Vocabulary& operator=(Vocabulary&&) = default;

    int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
    const std::string& token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
    std::optional<int32_t> id_of(std::string_view token) const;
    // id_of, or SCHEMA at `field`.
    int32_t require(std::string_view token, const JsonField& field) const;

private:
    std::vector<std::string> tokens_;
    std::unordered_map<std::string_view, int32_t> ids_;   // keys live in tokens_, which never grows
};

}   // namespace llmft
