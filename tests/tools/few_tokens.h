// A tokenizer of a dozen tokens, for the vocabularies of tiny models.
#pragma once

#include "tests/data/small_tokenizer.h"

namespace llmft::test {

// sentencepiece_json without its 256 bytes: <unk>, <s>, </s>, then what is made of a, b, c and the space.
inline Json few_tokens_json() {
    Json json = sentencepiece_json();
    Json vocab = json["model"]["vocab"];
    json["model"]["vocab"] = Json::object();
    for (const auto& [token, id] : vocab.items())
        if (!token.starts_with("<0x"))
            json["model"]["vocab"][token] = id.get<int>() < 3 ? id.get<int>() : id.get<int>() - 256;
    json["model"]["byte_fallback"] = false;
    return json;
}

}   // namespace llmft::test
