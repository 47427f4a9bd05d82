#include "data/tokenizer/vocabulary.h"

#include <fmt/format.h>

#include "engine/io/quote.h"

namespace llmft {
namespace {

constexpr size_t kMostTokens = size_t{1} << 21;

}   // namespace

Vocabulary::Vocabulary(const JsonField& field, Json object) {
    if (!object.is_object()) field.refuse("SCHEMA", "is not an object of token and id", "fetch the file again");
    if (object.empty()) field.refuse("SCHEMA", "is empty", "fetch the file again");
    const size_t size = object.size();
    if (size > kMostTokens)
        field.refuse("LIMIT", fmt::format("{} tokens, at most {}", size, kMostTokens), "use a smaller vocabulary");
    tokens_.resize(size);
    std::vector<bool> taken(size);
    for (auto& members = object.get_ref<Json::object_t&>(); !members.empty();) {
        auto member = members.extract(members.begin());
        std::string& token = member.key();
        const Json& id = member.mapped();
        const auto refuse = [&](std::string_view kind, std::string_view what) {
            field.refuse(kind,
                         fmt::format("token {} has id {}: {}", in_quotes(token),
                                     id.is_number() ? id.dump() : id.type_name(), what),
                         "fetch the file again");
        };
        if (!id.is_number_integer()) refuse("SCHEMA", "not an integer");
        if (id.get<int64_t>() < 0) refuse("RANGE", "negative");
        if (id.get<size_t>() >= tokens_.size())
            refuse("RANGE", fmt::format("{} tokens have ids 0 to {}", size, size - 1));
        const auto at = id.get<size_t>();
        if (taken[at]) refuse("DUP", "another token has it too");
        taken[at] = true;
        tokens_[at] = std::move(token);
    }
    ids_.reserve(tokens_.size());
    for (size_t i = 0; i < tokens_.size(); ++i) ids_.emplace(tokens_[i], static_cast<int32_t>(i));
}

std::optional<int32_t> Vocabulary::id_of(std::string_view token) const {
    const auto found = ids_.find(token);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
}

int32_t Vocabulary::require(std::string_view token, const JsonField& field) const {
    const auto id = id_of(token);
    if (!id)
        field.refuse("SCHEMA", fmt::format("names {}, which is not in model.vocab", in_quotes(token)),
                     "fetch the file again");
    return *id;
}

}   // namespace llmft
