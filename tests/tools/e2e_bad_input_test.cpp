// The set of bad input against the real program: tests/tools/bad_input/ has its cases. Every one ends with its exit
// code, one line on stderr of the kind that its row says, which names the place and a remedy, nothing on stdout, and
// every file and folder as it was.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "tests/harness/paths.h"
#include "tests/harness/sanitizers.h"
#include "tests/tools/bad_input/cases.h"
#include "tests/tools/bad_input/table.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

#ifdef NDEBUG
constexpr bool kOptimised = true;
#else
constexpr bool kOptimised = false;
#endif
// Of processor time: what else the machine does is not the program's fault.
constexpr double kMostSeconds = kOptimised && !kSanitized ? 1 : 10;

const CaseTable kTables[] = {
    {"weights of the wrong length or kind", bad_lengths()},
    {"headers of weights", bad_headers()},
    {"shapes and places of tensors", bad_shapes()},
    {"numbers that are not finite", bad_values()},
    {"weights that are no file", bad_paths()},
    {"shards", bad_shards()},
    {"config.json", bad_configs()},
    {"rows", bad_rows()},
    {"adapters", bad_adapters()},
    {"checkpoints", bad_checkpoints()},
    {"flags", bad_options()},
    {"run files", bad_run_files()},
    {"outputs", bad_outputs()},
    {"commands that read", bad_reads()},
};

double child_seconds() {
    rusage used = {};
    getrusage(RUSAGE_CHILDREN, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// Every path below `folder` with its size and time.
std::set<std::string> everything_in(const Path& folder) {
    std::set<std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        std::string line = entry.path().string();
        if (fs::is_regular_file(entry.symlink_status()))
            line += " " + std::to_string(entry.file_size()) + " " +
                    std::to_string(entry.last_write_time().time_since_epoch().count());
        all.insert(line);
    }
    return all;
}

struct Slowest {
    std::string what;
    double seconds = 0;
};

void expect_refused(const BadCase& bad, Slowest& slowest) {
    CAPTURE(bad.row);
    CAPTURE(std::string(bad.what));
    Scene scene;
    bad.spoil(scene);
    const auto before = everything_in(scene.path(""));
    const double start = child_seconds();
    const Ended ended = scene.run();
    const double seconds = child_seconds() - start;
    if (seconds > slowest.seconds) slowest = {bad.what, seconds};
    CAPTURE(ended.err);
    CHECK(ended.code == bad.code);
    expect_one_line(ended.err, bad.kind, bad.named);
    CHECK(ended.out == "");
    CHECK(everything_in(scene.path("")) == before);
    CHECK(seconds <= kMostSeconds);
}

void expect_refused(const char* about) {
    Slowest slowest;
    for (const CaseTable& table : kTables) {
        if (std::string(table.about) != about) continue;
        for (const BadCase& bad : table.cases) expect_refused(bad, slowest);
        std::printf("%s: %zu cases, the slowest %.3f s of processor time: %s\n", about, table.cases.size(),
                    slowest.seconds, slowest.what.c_str());
        return;
    }
    FAIL("no table of that name");
}

const BadCase* find_case(int row, const std::string& what) {
    for (const CaseTable& table : kTables)
        for (const BadCase& bad : table.cases)
            if (bad.row == row && bad.what == what) return &bad;
    return nullptr;
}

bool is_of_this_set(int row) {
    return (row >= 1 && row <= 48) || (row >= 65 && row <= 80) || (row >= 82 && row <= 84);
}

}   // namespace

TEST_CASE("every variant of the set of bad input has a case of its kind, and every row of the set a variant") {
    std::string special;
    for (const char* file : {"bad_input_special_test.cpp", "e2e_output_test.cpp"})
        special += bytes_of(source_dir() / "tests/tools" / file);
    std::set<int> rows;
    for (const Variant& v : variants()) {
        CAPTURE(v.row);
        CAPTURE(std::string(v.variant));
        CHECK(is_of_this_set(v.row));
        rows.insert(v.row);
        const BadCase* const bad = find_case(v.row, v.by);
        if (bad != nullptr)
            CHECK(std::string(bad->kind) == v.kind);
        else
            CHECK(special.find("TEST_CASE(\"" + std::string(v.by) + "\")") != std::string::npos);
    }
    for (int row = 1; row <= 84; ++row) {
        CAPTURE(row);
        CHECK(rows.contains(row) == is_of_this_set(row));
    }
    std::printf("bad input: %zu variants in %zu rows\n", variants().size(), rows.size());
}

TEST_CASE("no case of bad input claims a row that is not of the set, and none has another's name") {
    std::set<std::pair<int, std::string>> names;
    for (const CaseTable& table : kTables)
        for (const BadCase& bad : table.cases) {
            CAPTURE(std::string(bad.what));
            CHECK((bad.row == 0 || is_of_this_set(bad.row)));
            CHECK(names.emplace(bad.row, bad.what).second);
        }
}

TEST_CASE("weights of the wrong length or kind are one line, exit 2 and nothing written") {
    expect_refused("weights of the wrong length or kind");
}

TEST_CASE("spoilt headers of weights are one line, exit 2 and nothing written") {
    expect_refused("headers of weights");
}

TEST_CASE("tensors that do not fit are one line, exit 2 and nothing written") {
    expect_refused("shapes and places of tensors");
}

TEST_CASE("weights that are not finite are one line, exit 2 and nothing written") {
    expect_refused("numbers that are not finite");
}

TEST_CASE("weights that are no file are one line, exit 2 and nothing written") {
    expect_refused("weights that are no file");
}

TEST_CASE("spoilt shards are one line, exit 2 and nothing written") {
    expect_refused("shards");
}

TEST_CASE("a spoilt config.json is one line, exit 2 and nothing written") {
    expect_refused("config.json");
}

TEST_CASE("spoilt rows are one line, exit 2 and nothing written") {
    expect_refused("rows");
}

TEST_CASE("spoilt adapters are one line, exit 2 and nothing written") {
    expect_refused("adapters");
}

TEST_CASE("checkpoints that are damaged or of another run are one line, exit 2 and nothing written") {
    expect_refused("checkpoints");
}

TEST_CASE("wrong flags are one line, their exit code and nothing written") {
    expect_refused("flags");
}

TEST_CASE("wrong run files are one line, exit 2 and nothing written") {
    expect_refused("run files");
}

TEST_CASE("outputs that cannot be are one line, exit 2 and nothing written") {
    expect_refused("outputs");
}

TEST_CASE("eval, generate and plan refuse in the same way") {
    expect_refused("commands that read");
}
