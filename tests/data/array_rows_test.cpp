// A file of rows that is one JSON array is read row by row.
#include <doctest/doctest.h>

#include "data/jsonl.h"
#include "tests/engine/refusal.h"
#include "tests/harness/temp_folder.h"

using namespace llmft;
using namespace llmft::test;

namespace {

constexpr int64_t kLongest = 1000;

// The rows' "a", each followed by ';'.
std::string rows_of(const std::string& text) {
    const TempFolder folder;
    RowReader rows(folder.write("x.json", text), kLongest);
    std::string all;
    for (Json row; rows.next(row);) all += row.at("a").dump() + ";";
    return all;
}

}   // namespace

TEST_CASE("an array's rows are found whatever their texts and brackets look like") {
    CHECK(rows_of(R"([{"a":1},{"a":2}])") == "1;2;");
    CHECK(rows_of("\n [ {\"a\":[1,[2]]} \r\n,\t{\"a\":{\"b\":[]}}\n]\n ") == "[1,[2]];{\"b\":[]};");
    CHECK(rows_of(R"([{"a":"],[\"}\\"},{"a":"\\\""}])") == R"("],[\"}\\";"\\\"";)");
    CHECK(rows_of("[]") == "");
    CHECK(rows_of(" [ ] ") == "");
}

TEST_CASE("an array that is no JSON is refused by the row where it stops being one") {
    const struct {
        std::string text, kind, where;
    } cases[] = {
        {"[", "SYNTAX", "row 0"},
        {"[,{\"a\":1}]", "SYNTAX", "row 0"},
        {"[{\"a\":1}", "SYNTAX", "row 0"},
        {"[{\"a\":1},", "SYNTAX", "row 1"},
        {"[{\"a\":1},]", "SYNTAX", "row 1"},
        {"[{\"a\":1}]]", "SYNTAX", "row 0"},
        {"[{\"a\":1}] x", "SYNTAX", "row 0"},
        {"[{\"a\":1} {\"a\":2}]", "SYNTAX", "row 0"},
        {"[{\"a\":1]", "SYNTAX", "row 0"},
        {"[{\"a\":\"", "SYNTAX", "row 0"},
        {"[{\"a\":\"\\", "SYNTAX", "row 0"},
        {"[{\"a\":1},{\"a\":1,\"a\":2}]", "DUP", "row 1"},
        {"[{\"a\":1},2]", "SCHEMA", "row 1"},
        {"[{\"a\":1},{\"a\":\"\xff\"}]", "ENCODING", "row 1"},
        {"[{\"a\":1},{\"a\":" + std::string(64, '[') + std::string(64, ']') + "}]", "LIMIT", "row 1"},
        {"[{\"a\":\"" + std::string(kLongest, 'x') + "\"}]", "LIMIT", "row 0"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        const Refusal refusal = refusal_of([&] { rows_of(c.text); });
        CAPTURE(refusal.text);
        CHECK(refusal.kind == c.kind);
        CHECK(refusal.names(c.where));
        CHECK(is_one_line(refusal.text));
    }
}
