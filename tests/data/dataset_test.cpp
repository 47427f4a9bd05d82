#include "data/dataset.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "engine/train/batch.h"
#include "tests/data/errors.h"
#include "tests/data/small_tokenizer.h"

namespace llmft::test {
namespace {

using Ids = std::vector<int32_t>;
constexpr int32_t kBos = 1, kEos = 2, kSpace = 259, kB = 261, kC = 262, kSpaceA = 264, kSpaceAb = 265;

// Reads files written for the test with the small tokenizer.
struct Rows {
    TokenizerFolder folder;
    Tokenizer tokenizer = Tokenizer::load(folder.path());
    DataOptions options;
    std::string name = "rows.jsonl";

    RowContext context() const { return {.tokenizer = &tokenizer, .vocab_size = 300}; }
    Dataset read(const std::string& bytes) {
        return read_dataset({folder.write(name, bytes).string()}, options, context());
    }
    std::string error(const std::string& bytes) {
        return error_of([&] { read(bytes); });
    }
};

bool has_note(const Dataset& data, const std::string& part) {
    for (const std::string& note : data.notes)
        if (holds(note, part)) return true;
    return false;
}

TEST_CASE("text rows end with the end-of-text token unless told otherwise, and learn every token") {
    Rows rows;
    const std::string two = "{\"text\": \"ab\"}\n{\"text\": \"a</s>\"}\n";
    Dataset data = rows.read(two);
    REQUIRE(data.examples.size() == 2);
    CHECK(data.examples[0].ids == Ids{kBos, kSpaceAb, kEos});
    CHECK(data.examples[0].labels == data.examples[0].ids);
    CHECK(data.examples[1].ids == Ids{kBos, kSpaceA, kEos});
    CHECK(data.tokens() == 6);
    CHECK(data.loss_tokens() == 4);
    CHECK(has_note(data, "text rows"));
    rows.options.append_eos = "never";
    CHECK(rows.read(two).examples[0].ids == Ids{kBos, kSpaceAb});
    rows.options = {};
    rows.options.dataset_text_field = "body";
    CHECK(rows.read("{\"body\": \"ab\"}\n").examples[0].ids == Ids{kBos, kSpaceAb});
    rows.options.append_eos = "always";
    CHECK(rows.read("{\"body\": \"ab\"}\n").examples[0].ids == Ids{kBos, kSpaceAb, kEos});
}

TEST_CASE("an end-of-text token that is always wanted has to be there") {
    const TokenizerFolder folder(sentencepiece_json(), {{"bos_token", "<s>"}});
    const Tokenizer tokenizer = Tokenizer::load(folder.path());
    DataOptions options;
    options.append_eos = "always";
    const RowContext context = {.tokenizer = &tokenizer, .vocab_size = 300};
    const std::string rows = folder.write("rows.jsonl", "{\"text\": \"ab\"}\n");
    const std::string error = error_of([&] { read_dataset({rows}, options, context); });
    CHECK(holds(error, "E-MISSING: tokenizer_config.json: eos_token"));
}

TEST_CASE("rows of tokens are masked by labels, and their ids are a list") {
    Rows rows;
    CHECK(holds(rows.error("{\"input_ids\": \"1 2\"}\n"), "input_ids: is string, wanted an array of integers"));
    rows.options.completion_only_loss = "true";
    CHECK(holds(rows.error("{\"input_ids\": [1, 2]}\n"), "E-VALUE: --completion-only-loss"));
}

TEST_CASE("prompt and completion are tokenised together and the prompt's number of tokens is masked") {
    Rows rows;
    const std::string row = "{\"prompt\": \"a\", \"completion\": \" b\"}\n";
    Dataset data = rows.read(row);
    CHECK(data.examples[0].ids == Ids{kBos, kSpaceA, kSpace, kB, kEos});
    CHECK(data.examples[0].labels == Ids{kNoLoss, kNoLoss, kSpace, kB, kEos});
    CHECK(data.loss_tokens() == 3);
    CHECK_FALSE(has_note(data, "crosses"));
    rows.options.completion_only_loss = "false";
    CHECK(rows.read(row).examples[0].labels == data.examples[0].ids);
    rows.options = {};
    data = rows.read("{\"prompt\": \"a\", \"completion\": \"bc\"}\n");   // "▁ab" crosses: the mask still counts two
    CHECK(data.examples[0].ids == Ids{kBos, kSpaceAb, kC, kEos});
    CHECK(data.examples[0].labels == Ids{kNoLoss, kNoLoss, kC, kEos});
    CHECK(has_note(data, "crosses"));
}

TEST_CASE("rows of tokens are taken as they are, without a tokenizer") {
    Rows rows;
    const auto path = rows.folder.write(
        "t.jsonl", "{\"input_ids\": [5, 6, 7]}\n{\"labels\": [-100, 6, -100], \"x\": 1, \"input_ids\": [5, 6, 7]}\n");
    const Dataset data = read_dataset({path.string()}, {}, {.tokenizer = nullptr, .vocab_size = 8});
    CHECK(data.examples[0].labels == Ids{5, 6, 7});
    CHECK(data.examples[1].labels == Ids{kNoLoss, 6, kNoLoss});
    CHECK(data.loss_tokens() == 3);
    CHECK(has_note(data, "fields not used: \"x\""));
}

TEST_CASE("a row that is too long is cut, dropped or refused, and counted") {
    Rows rows;
    rows.options.max_seq_length = 3;
    const std::string text = "{\"text\": \"ab\"}\n{\"text\": \"b b b\"}\n";
    Dataset data = rows.read(text);
    CHECK(data.examples[1].ids == Ids{kBos, kSpace, kB});
    CHECK(data.counts.truncated == 1);
    CHECK(has_note(data, "1 of 2 rows cut to 3 tokens"));
    rows.options.truncation = "drop";
    data = rows.read(text);
    REQUIRE(data.counts.dropped.size() == 1);
    CHECK(data.counts.dropped[0].row == 1);
    CHECK(holds(data.counts.dropped[0].where, "rows.jsonl:2"));
    CHECK(holds(data.counts.dropped[0].reason, "8 tokens"));
    rows.options.truncation = "error";
    CHECK(holds(rows.error(text), "rows.jsonl:2: the row has 8 tokens, --max-seq-length is 3"));
}

TEST_CASE("a row that loses all its loss tokens is dropped with its reason") {
    Rows rows;
    rows.options.max_seq_length = 3;
    const Dataset data =
        rows.read("{\"prompt\": \"b b b\", \"completion\": \"a\"}\n{\"prompt\": \"a\", \"completion\": \" b\"}\n");
    CHECK(data.examples.size() == 1);
    CHECK(data.examples[0].row == 1);
    REQUIRE(data.counts.dropped.size() == 1);
    CHECK(data.counts.dropped[0].reason == "no token to learn is left after truncation");
}

TEST_CASE("CRLF, blank lines, a last line without its newline and JSON arrays are read") {
    Rows rows;
    CHECK(rows.read("{\"text\": \"a\"}\r\n\r\n  \n{\"text\": \"b\"}").examples.size() == 2);
    CHECK(rows.read("{\"text\": \"a\"}\r\n\r\n  \n{\"text\": \"b\"}").counts.blank_lines == 2);
    rows.name = "rows.json";
    CHECK(rows.read("\n[{\"text\": \"a\"},\n {\"text\": \"b\"}]\n").examples.size() == 2);
    CHECK(rows.read("{\"text\": \"a\"}\n").examples.size() == 1);
    CHECK(holds(rows.error("[{\"text\": \"a\"}, 3]"), "rows.json: row 1: the row is number"));
    CHECK_FALSE(holds(rows.error("[{\"text\": \"a\"}, [3]]"), "one array of rows"));
    rows.name = "rows.jsonl";
    CHECK(holds(rows.error("[{\"text\": \"a\"}]"), "call a file that is one array of rows .json"));
}

struct BadFile {
    const char* what;
    std::string bytes;
    const char* says;
};

TEST_CASE("a bad row is one error that names its line and field") {
    const std::string good = "{\"text\": \"a\"}\n";
    const std::vector<BadFile> cases{
        {"nothing", "", "E-DATA"},
        {"blank lines only", "\n\n \n", "E-DATA"},
        {"an invalid byte", good + "{\"text\": \"\xff\"}\n", "E-ENCODING: FILE:2: byte 10: is not UTF-8"},
        {"a byte order mark", "\xef\xbb\xbf" + good, "E-ENCODING: FILE:1"},
        {"UTF-16", std::string("\xff\xfe{\0\"\0", 6), "FILE:1"},
        {"a lone surrogate", good + "{\"text\": \"\\ud800\"}\n", "E-ENCODING: FILE:2"},
        {"NUL", std::string("{\"text\": \"\0\"}\n", 14), "E-LIMIT: FILE:1: byte 10: is NUL"},
        {"an array", good + "[1]\n", "E-SCHEMA: FILE:2: the row is array"},
        {"a number", "7\n", "E-SCHEMA: FILE:1: the row is number"},
        {"a cut last line", good + "{\"text\": \"a", "E-SYNTAX: FILE:2"},
        {"two rows in a line", "{\"text\": \"a\"} {\"text\": \"b\"}\n", "E-SYNTAX: FILE:1"},
        {"a key twice", "{\"text\": \"a\", \"text\": \"b\"}\n", "E-DUP: FILE:1"},
        {"a depth of 5000", "{\"text\": " + std::string(5000, '[') + "\n", "E-LIMIT: FILE:1"},
        {"unknown fields", "{\"question\": \"a\", \"answer\": \"b\"}\n",
         "E-SCHEMA: FILE:1: the row has \"answer\", \"question\""},
        {"a text that is none", "{\"text\": 3}\n", "E-SCHEMA: FILE:1: text: is number"},
        {"two formats", good + "{\"prompt\": \"a\", \"completion\": \"b\"}\n",
         "E-SCHEMA: FILE:2: the row is prompt_completion, but FILE:1 is text"},
        {"a lost field", good + "{\"body\": \"a\"}\n", "E-SCHEMA: FILE:2: the row has \"body\", but FILE:1 is text"},
        {"a conversation", "{\"prompt\": [], \"completion\": \"b\"}\n", "E-SCHEMA: FILE:1: prompt: is a conversation"},
        {"ids beyond", "{\"input_ids\": [1, 300]}\n", "E-RANGE: FILE:1: input_ids: [1] is 300"},
        {"negative ids", "{\"input_ids\": [1, -100]}\n", "E-RANGE: FILE:1: input_ids"},
        {"ids past 64 bits", "{\"input_ids\": [1, 18446744073709551617]}\n", "E-OVERFLOW: FILE:1"},
        {"ids of text", "{\"input_ids\": [1, \"2\"]}\n", "E-SCHEMA: FILE:1: input_ids"},
        {"labels too few", "{\"input_ids\": [1, 2], \"labels\": [1]}\n",
         "E-SHAPE: FILE:1: labels: 1 labels for 2 input_ids"},
        {"labels beyond", "{\"input_ids\": [1, 2], \"labels\": [1, -1]}\n", "E-RANGE: FILE:1: labels"},
        {"nothing to learn", "{\"input_ids\": [1, 2], \"labels\": [1, -100]}\n", "E-DATA"},
    };
    Rows rows;
    const std::string file = (rows.folder.path() / "rows.jsonl").string();
    for (const BadFile& bad : cases) {
        INFO(bad.what);
        std::string want = bad.says;
        for (size_t at = want.find("FILE"); at != std::string::npos; at = want.find("FILE")) want.replace(at, 4, file);
        const std::string got = rows.error(bad.bytes);
        INFO(got);
        CHECK(holds(got, want));
        CHECK(got.size() <= 400 + 2 * file.size());
    }
}

TEST_CASE("a line beyond the limit is refused before it is held") {
    Rows rows;
    rows.options.max_line_mib = 1;
    CHECK(holds(rows.error("{\"text\": \"" + std::string(size_t{1} << 20, 'a') + "\"}\n"),
                "rows.jsonl:1: the line is longer than"));
}

TEST_CASE("files that are not there or folders are refused") {
    const Rows rows;
    CHECK(holds(error_of([&] { read_dataset({"/nowhere/x.jsonl"}, {}, rows.context()); }),
                "E-MISSING: /nowhere/x.jsonl"));
    CHECK(holds(error_of([&] { read_dataset({rows.folder.path().string()}, {}, rows.context()); }), "E-PATH"));
}

TEST_CASE("text rows without a tokenizer, and options that do not fit, are refused") {
    Rows rows;
    const std::string path = rows.folder.write("t.jsonl", "{\"text\": \"a\"}\n").string();
    CHECK(holds(error_of([&] { read_dataset({path}, {}, {.tokenizer = nullptr, .vocab_size = 8}); }), "E-MISSING"));
    rows.options.completion_only_loss = "true";
    CHECK(holds(rows.error("{\"text\": \"a\"}\n"), "E-VALUE: --completion-only-loss"));
    rows.options = {};
    rows.options.max_seq_length = -1;
    CHECK(holds(rows.error("{\"text\": \"a\"}\n"), "E-VALUE: --max-seq-length"));
    CHECK(split_file_list("a,b", "--dataset") == std::vector<std::string>{"a", "b"});
    CHECK(holds(error_of([] { split_file_list("a,", "--dataset"); }), "E-VALUE: --dataset"));
}

TEST_CASE("an end-of-text string that its tokenizer does not read as one token is told") {
    Json json = sentencepiece_json();
    for (Json& token : json["added_tokens"]) token["normalized"] = true;   // "▁</s>" does not stand after a letter
    const TokenizerFolder folder(json);
    const Tokenizer tokenizer = Tokenizer::load(folder.path());
    const Dataset data = read_dataset({folder.write("t.jsonl", "{\"text\": \"a\"}\n").string()}, {},
                                      {.tokenizer = &tokenizer, .vocab_size = 300});
    CHECK(has_note(data, "will not learn to stop"));
}

TEST_CASE("what is held out is the share that was asked for, by the seed, and nothing is lost") {
    Rows rows;
    std::string text;
    for (int i = 0; i < 10; ++i) text += "{\"input_ids\": [1, " + std::to_string(i) + "]}\n";
    Dataset data = rows.read(text);
    const std::vector<Example> held = hold_out(data, 0.25, 42);
    CHECK(held.size() == 3);
    CHECK(data.examples.size() == 7);
    int64_t sum = 0;
    for (const std::vector<Example>* part : {&held, static_cast<const std::vector<Example>*>(&data.examples)})
        for (const Example& example : *part) sum += example.row;
    CHECK(sum == 45);
    CHECK(holds(error_of([&] { hold_out(data, 0.99, 42); }), "E-DATA: --eval-split"));
}

TEST_CASE("the pieces of the mask are the text, and the completion is the learned one") {
    Rows rows;
    const Dataset data = rows.read("{\"prompt\": \"a\", \"completion\": \" b\"}\n");
    const std::vector<MaskPiece> pieces = mask_pieces(data.examples[0], rows.tokenizer);
    REQUIRE(pieces.size() == 2);
    CHECK(pieces[0].text == "<s> a");
    CHECK_FALSE(pieces[0].learned);
    CHECK(pieces[1].text == " b</s>");
    CHECK(pieces[1].learned);
}

}   // namespace
}   // namespace llmft::test
