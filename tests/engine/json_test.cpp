#include "engine/io/json.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>

#include "engine/io/json_field.h"
#include "engine/io/quote.h"
#include "tests/engine/refusal.h"
#include "tests/harness/random.h"
#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

Refusal refusal_of_text(const std::string& text, const JsonLimits& limits = {}) {
    const Refusal refusal = refusal_of([&] { parse_json(text, "x.json", limits); });
    CHECK((refusal.kind.empty() || refusal.names("x.json")));
    CHECK(is_one_line(refusal.text));
    return refusal;
}

std::string nested(size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

std::string utf8_of(uint32_t code) {
    const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3f)); };
    if (code < 0x80) return {static_cast<char>(code)};
    if (code < 0x800) return {static_cast<char>(0xc0 | code >> 6), tail(0)};
    if (code < 0x10000) return {static_cast<char>(0xe0 | code >> 12), tail(6), tail(0)};
    return {static_cast<char>(0xf0 | code >> 18), tail(12), tail(6), tail(0)};
}

}   // namespace

TEST_CASE("JSON of every kind is read, with the text's own bits in its numbers") {
    const Json json =
        parse_json(R"( {"a":[1,-2,2.5,1e-3,true,false,null,"\u00e9\ud83d\ude00\n"],"b":{}} )", "x.json", {});
    CHECK(json.at("a").size() == 8);
    CHECK(json["a"][0].is_number_integer());
    CHECK(json["a"][2].get<double>() == 2.5);
    CHECK(json["a"][7].get<std::string>() == "\xc3\xa9\xf0\x9f\x98\x80\n");
    CHECK(parse_json("9223372036854775807", "x.json", {}).get<int64_t>() == INT64_MAX);
    CHECK(parse_json("-9223372036854775808", "x.json", {}).get<int64_t>() == INT64_MIN);
}

TEST_CASE("what is no JSON is refused with its kind, the file's name and one line") {
    const std::pair<const char*, const char*> cases[] = {
        {"", "SYNTAX"},
        {"  ", "SYNTAX"},
        {"{", "SYNTAX"},
        {"[1,]", "SYNTAX"},
        {"{\"a\":1,}", "SYNTAX"},
        {"[1 2]", "SYNTAX"},
        {"nul", "SYNTAX"},
        {"01", "SYNTAX"},
        {"+1", "SYNTAX"},
        {".5", "SYNTAX"},
        {"1.", "SYNTAX"},
        {"0x10", "SYNTAX"},
        {"'a'", "SYNTAX"},
        {"NaN", "RANGE"},
        {"Infinity", "RANGE"},
        {"-Infinity", "RANGE"},
        {"[NaN]", "RANGE"},
        {"// c\n1", "SYNTAX"},
        {"/* c */ 1", "SYNTAX"},
        {"1 2", "SYNTAX"},
        {"{} x", "SYNTAX"},
        {"{}{}", "SYNTAX"},
        {"{a:1}", "SYNTAX"},
        {"{1:1}", "SYNTAX"},
        {"\"a\nb\"", "SYNTAX"},
        {"\"\\x41\"", "SYNTAX"},
        {"\"\x1b[31m\"", "SYNTAX"},
        {"\xef\xbb\xbf{}", "ENCODING"},
        {"\xff\xfe{\0", "ENCODING"},
        {"\"\xc0\x80\"", "ENCODING"},
        {"\"\xed\xa0\x80\"", "ENCODING"},
        {"\"\xf4\x90\x80\x80\"", "ENCODING"},
        {"\"\xc3\"", "ENCODING"},
        {"\"\\ud800\"", "ENCODING"},
        {"\"\\udc00\"", "ENCODING"},
        {"\"\\ud800\\u0041\"", "ENCODING"},
        {"{\"a\":1,\"a\":1}", "DUP"},
        {"[{\"a\":{\"b\":1,\"\\u0062\":2}}]", "DUP"},
        {"9223372036854775808", "OVERFLOW"},
        {"-9223372036854775809", "OVERFLOW"},
        {"123456789012345678901234567890", "OVERFLOW"},
        {"1e400", "RANGE"},
        {"[-1e400]", "RANGE"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.first);
        CHECK(refusal_of_text(c.first).kind == c.second);
    }
    CHECK(refusal_of_text(std::string("{\"a\0b\":1}", 9)).kind == "SYNTAX");
    CHECK(refusal_of_text(std::string("{}\0", 3)).kind == "SYNTAX");
    CHECK(refusal_of_text(std::string("{}\0 x", 5)).kind == "SYNTAX");
}

TEST_CASE("integers beyond 64 bits are doubles where the caller says so") {
    const JsonLimits huge = {.huge_integers = HugeIntegers::kDoubles};
    CHECK(parse_json("1000000000000000019884624838656", "x.json", huge) == 0x1.93e5939a08ceap+99);
    CHECK(parse_json("9223372036854775808", "x.json", huge) == 0x1p63);
    CHECK(parse_json("9223372036854775807", "x.json", huge).is_number_integer());
}

TEST_CASE("every proper prefix of a JSON document is refused") {
    const std::string text = R"({"a":[1,-2.5e1,true,null,"\u00e9 \"x\""],"b":{"c":{}}})";
    REQUIRE(refusal_of_text(text).kind.empty());
    for (size_t size = 0; size < text.size(); ++size) CHECK(refusal_of_text(text.substr(0, size)).kind == "SYNTAX");
}

TEST_CASE("a syntax error names line and column, a bad key its path") {
    CHECK(refusal_of_text("{\n  \"a\": 1,\n  \"b\": x\n}").names("line 3, column 8"));
    CHECK(refusal_of_text("\"\n\xff\"").names("line 2, column 1"));
    CHECK(refusal_of_text(R"({"a":[{"b":0},{"b":1,"b":2}]})").names("\"a[1].b\""));
    // Behind the only semicolon comes the remedy.
    for (const char* text : {"[1", "{\"a\"", "[1 2]", "{\"a\" 1}"}) {
        const std::string line = refusal_of_text(text).text;
        CAPTURE(line);
        CHECK(line.find("expected") != std::string::npos);
        CHECK(std::count(line.begin(), line.end(), ';') == 1);
    }
}

namespace {

// The document without its parts, after the items: "keys key #index = value;".
std::string parts_of(const std::string& text, const std::vector<std::pair<std::string, JsonPart::Type>>& wanted,
                     const JsonLimits& limits = {}) {
    std::string items;
    std::vector<JsonPart> parts;
    for (const auto& [path, type] : wanted)
        parts.push_back({path, type, [&items](const JsonItem& item) {
                             for (const std::string_view key : item.keys) items.append(key).append(" ");
                             items += item.key + " #" + std::to_string(item.index) + " = " + item.value.dump() + ";";
                         }});
    const std::string rest = parse_json(text, "x.json", limits, parts).dump();
    return items + rest;
}

constexpr auto kArray = JsonPart::Type::kArray, kObject = JsonPart::Type::kObject;

}   // namespace

TEST_CASE("the items of a part are handed over in the order of the text, and the rest comes back") {
    CHECK(parts_of(R"({"a":[1,[2,{}],"x"],"b":2})", {{"a", kArray}}) ==
          R"(a  #0 = 1;a  #1 = [2,{}];a  #2 = "x";{"a":[],"b":2})");
    CHECK(parts_of(R"({"m":{"v":{"z":0,"y":{"q":[]}},"w":{"z":9}}})", {{"m.v", kObject}}) ==
          R"(m v z #0 = 0;m v y #1 = {"q":[]};{"m":{"v":{},"w":{"z":9}}})");
    CHECK(parts_of(R"({"f":{"a.b":{"h":[1]},"*":{"h":[2],"g":[3]}}})", {{"f.*.h", kArray}}) ==
          R"(f a.b h  #0 = 1;f * h  #0 = 2;{"f":{"*":{"g":[3],"h":[]},"a.b":{"h":[]}}})");
    CHECK(parts_of(R"({"b":1,"a":{"c":2}})", {{"", kObject}}) == R"(b #0 = 1;a #1 = {"c":2};{})");
    CHECK(parts_of("[[1],[2]]", {{"", kArray}}) == " #0 = [1]; #1 = [2];[]");
}

TEST_CASE("what stands in a part's place but has another type comes back whole, unless it is the document") {
    CHECK(parts_of(R"({"a":{"b":1}})", {{"a", kArray}}) == R"({"a":{"b":1}})");
    CHECK(parts_of(R"({"a":null,"m":[{"v":{"z":1}}]})", {{"a", kArray}, {"m.v", kObject}}) ==
          R"({"a":null,"m":[{"v":{"z":1}}]})");
    for (const char* text : {"[1]", "1", "null", "\"a\""})
        CHECK(refusal_of([&] { parts_of(text, {{"", kObject}}); }).kind == "SCHEMA");
}

TEST_CASE("a part's limits are of one item, and errors inside it have their place") {
    const JsonLimits four = {.values = 4};
    CHECK(parts_of(R"({"a":[1,2,3,4,5,6]})", {{"a", kArray}}, four).ends_with(R"({"a":[]})"));
    CHECK(refusal_of([&] { parts_of(R"({"a":[1,[2,3,4,5,6]]})", {{"a", kArray}}, four); }).kind == "LIMIT");
    CHECK(refusal_of([&] { parts_of(R"({"a":[1],"a":[2]})", {{"a", kArray}}); }).kind == "DUP");
    const Refusal inside = refusal_of([&] { parts_of(R"({"a":[0,1,{"b":0,"b":1}]})", {{"a", kArray}}); });
    CHECK(inside.kind == "DUP");
    CHECK(inside.names("\"a[2].b\""));
}

TEST_CASE("a hostile text cannot write its own error line") {
    const std::string trick = "surrogate " + std::string(5000, 'x') + "; last read";
    const Refusal refusal = refusal_of_text("[\"" + trick);
    CHECK(refusal.kind == "SYNTAX");
    CHECK_FALSE(refusal.names("xxx"));
    CHECK(refusal_of_text("{\"" + std::string(5000, 'k') + "\":1,\"" + std::string(5000, 'k') + "\":2}").kind == "DUP");
}

TEST_CASE("each limit admits its own value and refuses one more") {
    CHECK(refusal_of_text(nested(64)).kind.empty());
    CHECK(refusal_of_text(nested(65)).kind == "LIMIT");
    CHECK(refusal_of_text(std::string(1000000, '[')).kind == "LIMIT");
    CHECK(refusal_of_text("[1,2]", {.bytes = 5}).kind.empty());
    CHECK(refusal_of_text("[1,2]", {.bytes = 4}).kind == "LIMIT");
    CHECK(refusal_of_text("[1,2]", {.values = 3}).kind.empty());
    CHECK(refusal_of_text("[1,2]", {.values = 2}).kind == "LIMIT");
    const JsonLimits three = {.string_bytes = 3};
    CHECK(refusal_of_text(R"({"abc":"abc"})", three).kind.empty());
    CHECK(refusal_of_text(R"({"abc":"abcd"})", three).kind == "LIMIT");
    CHECK(refusal_of_text(R"({"abcd":"abc"})", three).kind == "LIMIT");
}

TEST_CASE("a file is read under its limit and its path is in the error") {
    const TempFolder folder;
    const Path path = folder.write("config.json", "{\"a\": 1}\n");
    CHECK(parse_json_file(path, {}).at("a") == 1);
    const Refusal refusal = refusal_of([&] { parse_json_file(path, {.bytes = 5}); });
    CHECK(refusal.kind == "LIMIT");
    CHECK(refusal.names(path.string()));
}

TEST_CASE("fields are refused with file, path, what was found and what is wanted") {
    const Json json = parse_json(
        R"({"rope":{"factor":8,"type":"llama3","none":null,"half":0.5,"on":true},"list":[1,"x"]})", "x.json", {});
    const JsonField root(json, "x.json", "");
    Fields rope(root.at("rope"));
    CHECK(rope.at("factor").integer(1, 8) == 8);
    CHECK(rope.at("factor").number(0, 10) == 8.0);
    CHECK(rope.at("half").number(0.5, 0.5) == 0.5);
    CHECK(rope.at("on").flag());
    CHECK_FALSE(rope.find("none"));
    CHECK_FALSE(rope.find("absent"));
    CHECK(rope.unread() == std::vector<std::string>{"type"});
    const auto refused = [](const auto& act, const char* kind, const char* part) {
        const Refusal refusal = refusal_of(act);
        CHECK(refusal.kind == kind);
        CHECK(refusal.names("x.json"));
        CHECK(refusal.names(part));
    };
    refused([&] { rope.at("factor").integer(1, 7); }, "RANGE", "rope.factor: is 8, wanted 1 to 7");
    refused([&] { rope.at("factor").integer(9, 10); }, "RANGE", "rope.factor");
    refused([&] { rope.at("half").integer(0, 1); }, "SCHEMA", "rope.half: is 0.5, wanted an integer");
    refused([&] { rope.at("half").number(0.6, 1); }, "RANGE", "rope.half");
    refused([&] { rope.at("half").number(0, 0.4); }, "RANGE", "rope.half");
    refused([&] { rope.at("type").number(0, 1); }, "SCHEMA", "rope.type: is string, wanted a number");
    refused([&] { rope.at("factor").text(); }, "SCHEMA", "rope.factor");
    refused([&] { rope.at("factor").flag(); }, "SCHEMA", "rope.factor");
    refused([&] { rope.at("none"); }, "SCHEMA", "rope.none: is null");
    refused([&] { rope.at("absent"); }, "SCHEMA", "rope.absent: is missing");
    refused([&] { root.at("list").items()[1].integer(0, 9); }, "SCHEMA", "list[1]: is string");
    refused([&] { Fields(root.at("list")); }, "SCHEMA", "list");
}

TEST_CASE("hf_json writes the bytes of json.dumps with indent 2 and sorted keys") {
    const Json json =
        parse_json(R"({"b":[1,2.0,1e-05,500000.0],"a":{"y":[],"x":{}},"c":"é\"","d":null})", "x.json", {});
    CHECK(hf_json(json) ==
          "{\n  \"a\": {\n    \"x\": {},\n    \"y\": []\n  },\n  \"b\": [\n    1,\n    2.0,\n    1e-05,\n    "
          "500000.0\n  ],\n"
          "  \"c\": \"\\u00e9\\\"\",\n  \"d\": null\n}\n");
}

TEST_CASE("json_line keeps the order of its keys, and doubles read back with the same bits") {
    CHECK(json_line({{"step", 1}, {"loss", 1.5}, {"bad", std::nan("")}, {"worse", -INFINITY}}) ==
          "{\"step\":1,\"loss\":1.5,\"bad\":null,\"worse\":null}\n");
    Random random("doubles");
    for (int i = 0; i < 20000; ++i) {
        const auto value = std::bit_cast<double>(random.bits());
        if (!std::isfinite(value)) continue;
        const double read = parse_json(json_line({{"x", value}}), "line", {}).at("x").get<double>();
        if (std::bit_cast<uint64_t>(read) != std::bit_cast<uint64_t>(value)) FAIL_CHECK("changed: " << value);
    }
}

TEST_CASE("every code point but the surrogates is UTF-8, and no sequence is longer than it has to be") {
    for (uint32_t code = 0; code < 0x110000; ++code) {
        const bool surrogate = code >= 0xd800 && code < 0xe000;
        if ((first_invalid_utf8(utf8_of(code)) == 0) != surrogate) FAIL_CHECK("code point " << code);
    }
    for (const char* bad : {"\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                            "\xf5\x80\x80\x80", "\xe2\x82", "\xff"})
        CHECK(first_invalid_utf8(std::string("ok") + bad) == 2);
}

TEST_CASE("one byte is not called bytes") {
    CHECK(byte_count_text(0) == "0 bytes");
    CHECK(byte_count_text(1) == "1 byte");
    CHECK(byte_count_text(UINT64_MAX) == "18446744073709551615 bytes");
}

TEST_CASE("a quoted text is one short line of UTF-8, whatever it holds") {
    CHECK(in_quotes("a\"b\\\n\x1b\x7f\xff") == "\"a\\\"b\\\\\\n\\x1b\\x7f\\xff\"");
    CHECK(in_quotes("\xc2\x9b") == "\"\\x9b\"");
    Random random("quotes");
    for (int i = 0; i < 2000; ++i) {
        std::string text;
        for (int64_t n = random.below(60); n > 0; --n)
            text += random.below(2) == 0 ? "\xc3\xa9" : std::string(1, static_cast<char>(random.below(256)));
        const std::string quoted = in_quotes(text, 40);
        CHECK(quoted.size() <= 40);
        CHECK(is_one_line(quoted));
        CHECK(first_invalid_utf8(quoted) == std::string::npos);
    }
}
