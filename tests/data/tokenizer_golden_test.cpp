// Ids, spans and texts of tests/golden/tokenizer/*.jsonl, written by tests/oracle/tokenizer_golden.py;
// $LLMFT_TOKENIZER_GOLDENS names a folder with more of them.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "data/tokenizer/tokenizer.h"
#include "engine/io/json.h"
#include "tests/harness/paths.h"
#include "tests/harness/skip.h"
#include "tests/harness/test_data.h"

namespace llmft::test {
namespace {

std::vector<std::filesystem::path> golden_files() {
    std::vector<std::filesystem::path> files;
    std::vector<std::filesystem::path> folders{source_dir() / "tests/golden/tokenizer"};
    if (const char* more = std::getenv("LLMFT_TOKENIZER_GOLDENS")) folders.emplace_back(more);
    for (const auto& folder : folders)
        for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
    return files;
}

// Rows of one file that come out otherwise; the first few are shown.
int differences(const Tokenizer& tokenizer, std::istream& rows) {
    int wrong = 0;
    for (std::string line; std::getline(rows, line);) {
        const Json row = parse_json(line, "golden", {});
        const auto text = row["text"].get<std::string>();
        const auto want = row["ids"].get<std::vector<int32_t>>();
        const Encoding got = tokenizer.encode_with_spans(text, AddSpecialTokens::kYes);
        std::vector<uint32_t> spans;
        for (const TextSpan& span : got.spans) spans.insert(spans.end(), {span.begin, span.end});
        const bool same =
            got.ids == want && (row["spans"].is_null() || spans == row["spans"].get<std::vector<uint32_t>>()) &&
            tokenizer.encode(text, AddSpecialTokens::kYes) == want &&
            tokenizer.decode(want, SkipSpecialTokens::kYes) == row["decoded"].get<std::string>() &&
            tokenizer.decode(want, SkipSpecialTokens::kNo) == row["decoded_with_special"].get<std::string>();
        if (!same && ++wrong <= 3) MESSAGE("differs: " << line);
    }
    return wrong;
}

TEST_CASE("ids, spans and decoded texts are those of the tokenizers library") {
    const std::vector<std::filesystem::path> files = golden_files();
    REQUIRE(files.size() >= 8);
    for (const auto& file : files) {
        std::ifstream rows(file);
        std::string header;
        std::getline(rows, header);
        const auto name = parse_json(header, file.string(), {})["tokenizer"].get<std::string>();
        const auto folder = test_data(name);
        if (!folder) return skip("no " + name);
        INFO(file.string());
        CHECK(differences(Tokenizer::load(*folder), rows) == 0);
    }
}

}   // namespace
}   // namespace llmft::test
