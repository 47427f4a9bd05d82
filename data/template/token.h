// Jinja2's lexer under trim_blocks and lstrip_blocks, as transformers sets it up: a template's source becomes text and
// tags, and tags become tokens. Newlines become \n; one newline at the end is dropped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace llmft::jinja {

struct Token {
    enum class Type : uint8_t {
        kData,   // text between tags
        kBlockBegin,
        kBlockEnd,
        kPrintBegin,
        kPrintEnd,
        kName,
        kString,
        kInteger,
        kFloat,
        kOperator,
        kEnd,
    };
    Token(Type t, int at_line, std::string_view what = "") : type(t), line(at_line), text(what) {}
    Type type;
    int line;
    std::string text;   // of data, name, operator; a string's without quotes and escapes
    int64_t integer = 0;
    double number = 0;

    bool is(Type t, std::string_view what) const { return type == t && text == what; }
};

// The last token is kEnd. Throws SyntaxFault.
std::vector<Token> tokenize(std::string_view source);

struct SyntaxFault {
    int line;
    std::string why;
};

}   // namespace llmft::jinja
