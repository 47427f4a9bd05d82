// Which tokens begin, end and pad a text, as the files beside tokenizer.json say: tokenizer_config.json, then
// special_tokens_map.json (a string or an object with "content"), then the ids in config.json.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/model_source.h"

namespace llmft {

struct SpecialToken {
    int32_t id;
    std::string text;
};

struct SpecialTokens {
    std::optional<SpecialToken> bos, eos, pad, unk;
    // What tokenizer_config.json says of add_bos_token and add_eos_token. The ids of a text follow tokenizer.json
    // alone; these are kept to say so where the two disagree.
    std::optional<bool> add_bos, add_eos;
};

struct TokenLookup {
    std::function<std::optional<int32_t>(std::string_view)> id_of;
    std::function<std::optional<std::string>(int32_t)> token;
};

// A token that is named but absent from the tokenizer is refused (RANGE).
SpecialTokens read_special_tokens(const ModelSource& model, const TokenLookup& lookup);

}   // namespace llmft
