// Rows 65 to 71: what is learned from.
#include "tests/tools/bad_input/cases.h"

namespace llmft::test {
namespace {

namespace fs = std::filesystem;

const BadCase kRows[] = {
    {0, "no file of rows", "MISSING", "rows.jsonl", [](Scene& s) { fs::remove(s.rows()); }},
    {0, "rows that are a folder", "PATH", "model", [](Scene& s) { s.flag("--dataset", s.model()); }},
    {65, "an empty file", "DATA", "rows.jsonl", [](Scene& s) { put(s.rows(), ""); }},
    {65, "blank lines alone", "DATA", "rows.jsonl", [](Scene& s) { put(s.rows(), "\n\n \n"); }},
    {66, "not UTF-8", "ENCODING", "rows.jsonl:2",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4]}\n{\"a\":\"\xff\"}\n"); }},
    {68, "not JSON", "SYNTAX", "rows.jsonl:1", [](Scene& s) { put(s.rows(), "hello\n"); }},
    {68, "cut in the middle of the last row", "SYNTAX", "rows.jsonl:2",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4]}\n{\"input_ids\":[3,"); }},
    {67, "a number as a row", "SCHEMA", "rows.jsonl:2", [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4]}\n7\n"); }},
    {69, "deep nesting", "LIMIT", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), "{\"a\":" + std::string(5000, '[') + "\n"); }},
    {69, "a NUL", "LIMIT", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), std::string("{\"input_ids\":[3,4]\0}\n", 21)); }},
    {69, "a line beyond the limit", "LIMIT", "rows.jsonl:1",
     [](Scene& s) {
         s.flag("--max-line-mib", "1");
         put(s.rows(), "{\"a\":\"" + std::string(2 << 20, 'x') + "\"}\n");
     }},
    {67, "no known field", "SCHEMA", "rows.jsonl:1", [](Scene& s) { put(s.rows(), "{\"txt\":\"a\"}\n"); }},
    {0, "text without a tokenizer", "MISSING", "tokenizer", [](Scene& s) { put(s.rows(), "{\"text\":\"a\"}\n"); }},
    {0, "an id beyond the vocabulary", "RANGE", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,127]}\n"); }},
    {0, "a negative id", "RANGE", "rows.jsonl:1", [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,-1]}\n"); }},
    {0, "an id that is text", "SCHEMA", "rows.jsonl:1", [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,\"4\"]}\n"); }},
    {0, "an id beyond 2^63", "OVERFLOW", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,99999999999999999999]}\n"); }},
    {0, "labels of another length", "SHAPE", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4],\"labels\":[3]}\n"); }},
    {0, "a label beyond the vocabulary", "RANGE", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4],\"labels\":[3,127]}\n"); }},
    {70, "no token to learn anywhere", "DATA", "rows.jsonl",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4],\"labels\":[3,-100]}\n{\"input_ids\":[5]}\n"); }},
    {70, "a row too long, to be refused", "DATA", "rows.jsonl:1",
     [](Scene& s) {
         s.flag("--max-seq-length", "8");
         s.flag("--truncation", "error");
     }},
    {0, "every row held out", "DATA", "--eval-split", [](Scene& s) { s.flag("--eval-split", "0.99"); }},
    {0, "no file for evaluation", "MISSING", "held.jsonl",
     [](Scene& s) { s.flag("--eval-dataset", s.path("held.jsonl")); }},
    {66, "a byte order mark", "ENCODING", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), "\xef\xbb\xbf" + bytes_of(s.rows())); }},
    {66, "UTF-16", "ENCODING", "rows.jsonl:1", [](Scene& s) { put(s.rows(), "\xff\xfe{\x01\n"); }},
    {0, "an array of rows that is called .jsonl", "SCHEMA", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), R"([{"input_ids":[3,4]},{"input_ids":[5,6]}])"); }},
    {0, "a pretty-printed array that is called .jsonl", "SYNTAX", "rows.jsonl:1: the row does not end in its line",
     [](Scene& s) { put(s.rows(), "[\n  {\n    \"input_ids\": [3, 4]\n  }\n]\n"); }},
    {0, "pretty-printed rows", "SYNTAX", "every row in one line",
     [](Scene& s) { put(s.rows(), "{ \r\n  \"input_ids\": [3, 4]\r\n}\r\n"); }},
    {0, "rows that break after their first field", "SYNTAX", "rows.jsonl:2: the row does not end in its line",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4]}\n{\"input_ids\":[3,4],\n\"labels\":[3,4]}\n"); }},
    {0, "a last row that is cut, before blank lines", "SYNTAX", "rows.jsonl:2: column 16",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4]}\n{\"input_ids\":[3\n\n"); }},
    {0, "rows that are a git-lfs pointer", "SYNTAX", "rows.jsonl:1: is a git-lfs pointer",
     [](Scene& s) { put(s.rows(), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"); }},
    {0, "rows of another format than is asked for", "SCHEMA", "leave --dataset-format at auto",
     [](Scene& s) {
         s.flag("--dataset-format", "tokens");
         put(s.rows(), "{\"text\":\"a\"}\n");
     }},
    {0, "rows that are all too long", "DATA", "; raise --max-seq-length",
     [](Scene& s) {
         s.flag("--truncation", "drop");
         s.flag("--max-seq-length", "3");
     }},
    {67, "an array as a row", "SCHEMA", "rows.jsonl:1", [](Scene& s) { put(s.rows(), "[3,4]\n"); }},
    {67, "a row of another kind than the first", "SCHEMA", "rows.jsonl:2",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4]}\n{\"text\":\"a\"}\n"); }},
    {67, "messages of an unknown role", "SCHEMA", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), R"({"messages":[{"role":"wizard","content":"a"}]})"); }},
    {67, "a row without its messages", "SCHEMA", "rows.jsonl:1", [](Scene& s) { put(s.rows(), R"({"tools":[]})"); }},
    {69, "a line of 100 MB", "LIMIT", "rows.jsonl:1",
     [](Scene& s) { put(s.rows(), "{\"a\":\"" + std::string(100'000'000, 'x') + "\"}\n"); }},
    {70, "labels that are all -100", "DATA", "rows.jsonl",
     [](Scene& s) { put(s.rows(), "{\"input_ids\":[3,4],\"labels\":[-100,-100]}\n"); }},
    {71, "a pair whose sides are the same", "SCHEMA", "preference",
     [](Scene& s) { put(s.rows(), R"({"prompt":"a","chosen":"b","rejected":"b"})"); }},
    {71, "a pair without one side", "SCHEMA", "preference",
     [](Scene& s) { put(s.rows(), R"({"prompt":"a","chosen":"b"})"); }},
    {71, "a pair that would be good", "SCHEMA", "preference",
     [](Scene& s) { put(s.rows(), R"({"chosen":"a b","rejected":"a c"})"); }},
};

}   // namespace

std::span<const BadCase> bad_rows() {
    return kRows;
}

}   // namespace llmft::test
