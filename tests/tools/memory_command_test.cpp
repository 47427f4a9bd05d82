// Commands whose n-th allocation fails, through the function that main() calls: exit 3 with the one MEMORY line, or the
// whole result where the failure was absorbed; never a half-written one, never memory that stays behind.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>

#include "engine/io/manifest.h"
#include "engine/train/run_state.h"
#include "kernels/base/parallel.h"
#include "tests/harness/allocations.h"
#include "tests/harness/random.h"
#include "tests/harness/sanitizers.h"
#include "tests/harness/skip.h"
#include "tests/tools/e2e_scene.h"
#include "tests/tools/few_tokens.h"
#include "tests/tools/in_process.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

struct Case {
    const char* what;
    void (*set_up)(Scene&);                                  // what it needs, files and flags
    std::vector<std::string> (*arguments)(const Scene& s);   // of the command
};

std::vector<std::string> of_scene(const Scene& s) {
    return s.arguments();
}

void with_tokenizer(Scene& s) {
    put(s.model() / "tokenizer.json", few_tokens_json().dump());
}

const Case kCases[] = {
    {"train LoRA", [](Scene&) {}, of_scene},
    {"train LoRA with checkpoints and evaluation",
     [](Scene& s) {
         s.flag("--save-strategy", "steps");
         s.flag("--save-steps", "1");
         s.flag("--eval-split", "0.3");
         s.flag("--eval-strategy", "steps");
         s.flag("--eval-steps", "1");
     },
     of_scene},
    {"train everything", [](Scene& s) { s.flag("--method", "full"); }, of_scene},
    {"train QLoRA", [](Scene& s) { s.flag("--method", "qlora"); }, of_scene},
    {"eval", [](Scene& s) { s.command("eval"); }, of_scene},
    {"generate", with_tokenizer,
     [](const Scene& s) -> std::vector<std::string> {
         return {"generate", "--model", s.model(), "--prompt", "ab", "--max-new-tokens", "4"};
     }},
    {"merge", [](Scene& s) { s.make_adapter(); },
     [](const Scene& s) -> std::vector<std::string> {
         return {"merge", "--model", s.model(), "--adapter", s.path("adapter"), "--output", s.output()};
     }},
    {"quantize", [](Scene&) {},
     [](const Scene& s) -> std::vector<std::string> {
         return {"quantize", "--model", s.model(), "--output", s.output(), "--quantization", "nf4"};
     }},
    {"inspect a model", with_tokenizer,
     [](const Scene& s) -> std::vector<std::string> {
         return {"inspect", s.model()};
     }},
    {"plan", [](Scene& s) { s.command("plan"); }, of_scene},
};

using Files = std::map<std::string, std::string>;

// What a clock decides is left out: metrics, the report that shows them, and what counts or hashes their bytes. So are
// leftovers under a temporary name, which the next run sweeps away.
Files files_of(const Path& folder) {
    Files files;
    if (!fs::exists(folder)) return files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const std::string file = entry.path().filename(), name = fs::relative(entry.path(), folder);
        const bool by_clock =
            file == "metrics.jsonl" || file == "report.html" || file == kManifestName || file == kRunStateName;
        if (entry.is_regular_file() && !by_clock && !name.starts_with(".tmp-")) files[name] = bytes_of(entry);
    }
    return files;
}

constexpr const char* kLine = "llmft: error E-MEMORY: ";

// Every file is whole or not there.
void expect_no_half_result(const Files& files, const Files& whole) {
    for (const auto& file : files) {
        CAPTURE(file.first);
        REQUIRE(whole.contains(file.first));
        CHECK(file.second == whole.at(file.first));
    }
}

class Trial {
public:
    explicit Trial(const Case& c) : case_(c) {
        c.set_up(scene_);
        arguments_ = c.arguments(scene_);
        run_.run(arguments_);   // what is allocated once for the whole process
        fs::remove_all(scene_.output());
        const int64_t before = allocation_count();
        const Ended ended = run_.run(arguments_);
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        count_ = allocation_count() - before;
        whole_ = files_of(scene_.output());
        out_ = ended.out;
    }

    int64_t allocations() const { return count_; }

    void fail(int64_t n, Failing failing) {
        fs::remove_all(scene_.output());
        CAPTURE(std::string(case_.what));
        CAPTURE(n);
        const bool for_good = failing == Failing::kFromThere;
        CAPTURE(for_good);
        const Ended ended = run_.run_failing(arguments_, n, failing);
        CHECK(ended.signal == 0);
        constexpr int64_t kProcessOwn = 256 << 10;   // caches of the process, such as primitives and messages said
        CHECK(run_.kept_bytes() < kProcessOwn);
        CAPTURE(ended.err);
        const Files files = files_of(scene_.output());
        if (ended.code == 0) {
            ++absorbed_;
            CHECK(files == whole_);
            return;
        }
        CHECK(ended.code == 3);
        CHECK(ended.out.size() <= out_.size());
        const size_t line = ended.err.find(kLine);
        REQUIRE(line != std::string::npos);
        CHECK((line == 0 || ended.err[line - 1] == '\n'));
        CHECK(ended.err.find('\n', line) == ended.err.size() - 1);
        expect_no_half_result(files, whole_);
    }

    // `share` of all allocations: the first ones, the last ones, and some between.
    void fail_some(int64_t most, Failing failing) {
        std::set<int64_t> chosen;
        std::mt19937_64 random(kSeed);
        for (int64_t i = 1; i <= std::min(count_, most / 4); ++i) chosen.insert({i, count_ + 1 - i});
        while (static_cast<int64_t>(chosen.size()) < std::min(most, count_))
            chosen.insert(1 + static_cast<int64_t>(random() % static_cast<uint64_t>(count_)));
        for (const int64_t n : chosen) fail(n, failing);
        tried_ += static_cast<int64_t>(chosen.size());
    }

    void report() const {
        std::printf("%s: %lld allocations, %lld made to fail, %lld absorbed\n", case_.what,
                    static_cast<long long>(count_), static_cast<long long>(tried_), static_cast<long long>(absorbed_));
    }

private:
    const Case& case_;
    Scene scene_;
    InProcess run_;
    std::vector<std::string> arguments_;
    int64_t count_ = 0, tried_ = 0, absorbed_ = 0;
    Files whole_;
    std::string out_;
};

void fail_some_of_every_command(int64_t most) {
    if (kThreadSanitizer) return skip("threads after a fork are not for this sanitizer");
    const int threads = thread_count();
    for (const Case& c : kCases) {
        Trial trial(c);
        trial.fail_some(most, Failing::kOnce);
        trial.fail_some(most / 4, Failing::kFromThere);
        trial.report();
    }
    set_thread_count(threads);
}

}   // namespace

TEST_CASE("a command whose n-th allocation fails is exit 3 and the one MEMORY line, or whole") {
    fail_some_of_every_command(60);
}

TEST_SUITE("slow") {
    TEST_CASE("a command is so at hundreds of its allocations") {
        fail_some_of_every_command(300);
    }
}

TEST_CASE("an allocation that fails in a task leaves where the tasks were given out, and the threads go on") {
    const int threads = thread_count();
    set_thread_count(4);
    for (int round = 0; round < 50; ++round) {
        std::atomic<int> ran = 0;
        CHECK_THROWS_AS(parallel_for(64,
                                     [&](int64_t task) {
                                         ++ran;
                                         if (task % 7 == round % 7) throw std::bad_alloc();
                                     }),
                        std::bad_alloc);
        CHECK(ran >= 1);
        std::atomic<int> all = 0;
        parallel_for(64, [&](int64_t) { ++all; });
        CHECK(all == 64);
    }
    set_thread_count(threads);
}
