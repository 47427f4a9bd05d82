#include "data/order.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/io/json.h"
#include "tests/harness/paths.h"

namespace llmft::test {
namespace {

// tests/oracle/order_golden.py wrote the file with torch.
TEST_CASE("a shuffled epoch has the order of torch.randperm with the same seed") {
    std::ifstream rows(source_dir() / "tests/golden/order.jsonl");
    int count = 0;
    for (std::string line; std::getline(rows, line); ++count) {
        const Json row = parse_json(line, "order.jsonl", {});
        const std::vector<int64_t> got = random_permutation(row["n"].get<int64_t>(), row["seed"].get<int64_t>());
        if (row.contains("order")) {
            CHECK(got == row["order"].get<std::vector<int64_t>>());
            continue;
        }
        const auto first = row["first"].get<std::vector<int64_t>>(), last = row["last"].get<std::vector<int64_t>>();
        CHECK(std::vector<int64_t>(got.begin(), got.begin() + static_cast<int64_t>(first.size())) == first);
        CHECK(std::vector<int64_t>(got.end() - static_cast<int64_t>(last.size()), got.end()) == last);
    }
    CHECK(count == 11);
}

}   // namespace
}   // namespace llmft::test
