// Bounded JSON. A document is checked while it is read, before it takes memory: size, depth, length of strings, number
// of values, and that they hold no more than memory_factor times the text and 6 MiB; well-formed UTF-8, no byte order
// mark, no key twice in an object, integers within int64 (never through double). NaN, Infinity, comments and trailing
// commas are no JSON. Nothing recurses on the depth of the input. Errors: UserError SYNTAX, ENCODING (with line and
// column), LIMIT, DUP, OVERFLOW, RANGE (with the key's path).
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/file.h"

namespace llmft {

using Json = nlohmann::json;                  // keys sorted, as Hugging Face writes them
using OrderedJson = nlohmann::ordered_json;   // keys as inserted, for lines that people read

// Integers beyond int64: OVERFLOW, or a double, which no reader of integers takes. tokenizer_config.json says
// "model_max_length": 1000000000000000019884624838656 for "none".
enum class HugeIntegers { kRefused, kDoubles };

struct JsonLimits {
    int64_t bytes = int64_t{4} << 20;
    int64_t depth = 64;
    int64_t string_bytes = int64_t{16} << 20;   // of one key or string
    int64_t values = int64_t{1} << 16;          // a value costs memory that its few bytes do not show
    int64_t memory_factor = 3;                  // what values may hold, a byte of the text
    HugeIntegers huge_integers = HugeIntegers::kRefused;
};

// One element of an array or one member of an object, handed over by a part.
struct JsonItem {
    const std::vector<std::string_view>& keys;   // of the objects around its part, from the top; "" for an array
    const std::string& key;                      // its own; empty in an array
    int64_t index;                               // how many of the part came before it
    Json& value;                                 // gone afterwards
};

// A part of a document that would be large as a whole: its items are handed over in the order of the text and dropped.
// limits.values and memory_factor are then of one item. The part itself comes back empty. What stands in its place but
// has another type is no part and comes back whole. A key that is in a part twice is the taker's to find.
struct JsonPart {
    std::string_view path;   // "model.vocab"; "*" stands for any key: "files.*.xxh3"; "": the document, else SCHEMA
    enum class Type : uint8_t { kArray, kObject } type;
    std::function<void(const JsonItem&)> take;
    // Where they are there, they get an array's strings and an object's integers in take's place: in half the time.
    std::function<void(int64_t index, std::string_view text)> take_text = nullptr;
    std::function<void(std::string_view key, int64_t number)> take_integer = nullptr;
};

// `where` is what errors call the document. A text after the document, white space apart, is SYNTAX.
Json parse_json(std::string_view text, std::string_view where, const JsonLimits&);
Json parse_json_file(const Path&, const JsonLimits&);
// Without its parts, which are handed over.
Json parse_json(std::string_view text, std::string_view where, const JsonLimits&, const std::vector<JsonPart>& parts);
// The same, with keys in the order of the text.
OrderedJson parse_ordered_json(std::string_view text, std::string_view where, const JsonLimits&);

// The keys of the object `member` of an object, in the order of the text, where their order means something. Only for a
// text that parse_json has taken; nothing where the member is absent or no object.
std::vector<std::string> keys_in_order(std::string_view text, const std::string& member);

// Two spaces of indent, sorted keys, ASCII with \u escapes, a newline at the end: the bytes of
// json.dumps(x, indent=2, sort_keys=True) + "\n", doubles in the shortest form that reads back.
std::string hf_json(const Json&);

// One line with its newline; doubles in the shortest form that reads back. NaN and infinities become null: JSON has
// none.
std::string json_line(const OrderedJson&);

}   // namespace llmft
