// Killed at any moment and started again with the same command, a run of train ends with the bytes of the run that
// nobody killed. The calls by which it changes files are its named points: SIGKILL strikes before one, in the middle of
// a write, or right behind one; and at moments of a clock.
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "engine/train/checkpoint_folder.h"
#include "tests/faults/faulty_run.h"
#include "tests/faults/in_memory.h"
#include "tests/faults/remains.h"
#include "tests/harness/random.h"
#include "tests/harness/skip.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

using Options = std::vector<std::pair<std::string, std::string>>;

const Options kVariants[] = {
    {{"--lora-r", "4"}, {"--save-total-limit", "2"}},
    {{"--lora-r", "4"}},
    {{"--method", "full"}, {"--save-total-limit", "2"}},
};
constexpr const char* kActs[] = {"kill", "kill-half", "kill-after"};

class Killing {
public:
    explicit Killing(const Options& options) : random_("kill"), watched_(scene_.output()) {
        put(scene_.rows(), token_rows(8, 6, 1));
        scene_.flag("--max-steps", "5");
        scene_.flag("--save-strategy", "steps");
        scene_.flag("--save-steps", "2");
        for (const auto& [name, value] : options) scene_.flag(name, value);
        const auto start = Clock::now();
        const FaultyRun run = run_with_fault(scene_.arguments(), watched_);
        duration_ = Clock::now() - start;
        REQUIRE_MESSAGE(run.ended.code == 0, run.ended.err);
        for (const FileCall& c : run.calls) points_ += changes(c);
        unbroken_ = remains_of(scene_.output());
        REQUIRE(unbroken_.damaged.empty());
        REQUIRE(unbroken_.metrics.size() == 5);
    }

    size_t points() const { return points_; }
    int kills() const { return kills_; }

    // A run from its beginning, killed at a point, and up to three times more at random while it goes on.
    void kill_at(size_t point, const char* act) {
        begin();
        bool alive = point_kill(point, act);
        for (int more = 0; !alive && more < 3; ++more) {
            if (random_.below(2) == 0)
                alive = moment_kill();
            else
                alive = point_kill(static_cast<size_t>(random_.below(static_cast<int64_t>(points_))) + 1,
                                   kActs[random_.below(3)]);
        }
        expect_same(alive);
    }

    void kill_at_moments() {
        begin();
        bool alive = false;
        for (int kill = 0; !alive && kill < 4; ++kill) alive = moment_kill();
        expect_same(alive);
    }

    size_t random_point() { return static_cast<size_t>(random_.below(static_cast<int64_t>(points_))) + 1; }

private:
    void begin() {
        fs::remove_all(scene_.output());
        committed_ = 0;
        told_.clear();
    }

    // Both: whether the run came to its end.
    bool point_kill(size_t point, const char* act) {
        const FaultyRun run =
            run_with_fault(scene_.arguments(), watched_, {.kind = "change", .number = point, .act = act});
        const FileCall* const struck = run.struck();
        if (struck != nullptr) told_ += std::string(act) + " at " + described(*struck, scene_.output()) + "\n";
        committed_ = std::max(committed_, committed_step(run.calls, run.calls.size()));
        return after(run.ended);
    }
    bool moment_kill() {
        const TempFolder place;
        Process process(
            {.arguments = scene_.arguments(), .environment = fault_environment(watched_, place.path() / "log", {})});
        const auto moment = std::chrono::duration_cast<std::chrono::microseconds>(duration_ * random_.uniform(0, 1));
        std::this_thread::sleep_for(moment);
        process.send(SIGKILL);
        const Ended ended = process.wait();
        if (ended.signal == SIGKILL) told_ += "kill after " + std::to_string(moment.count()) + " microseconds\n";
        const std::vector<FileCall> calls = read_call_log(place.path() / "log");
        committed_ = std::max(committed_, committed_step(calls, calls.size()));
        return after(ended);
    }

    bool after(const Ended& ended) {
        INFO(told_, ended.err);
        if (ended.signal != SIGKILL) {
            CHECK(ended.code == 0);
            return true;
        }
        ++kills_;
        std::vector<std::string> skipped;
        const auto newest = newest_checkpoint(scene_.output(), skipped);
        CHECK(skipped == std::vector<std::string>());   // a kill, other than a power cut, spoils none
        CHECK((newest ? newest->step : 0) >= committed_);
        return false;
    }

    void expect_same(bool alive) {
        INFO(told_);
        if (!alive) {
            const Ended last = scene_.run();
            INFO(last.err);
            REQUIRE(last.code == 0);
        }
        const Remains got = remains_of(scene_.output());
        CHECK(got.damaged == std::vector<std::string>());
        CHECK(bool(got.result == unbroken_.result));
        CHECK(bool(got.state == unbroken_.state));
        CHECK(got.metrics == unbroken_.metrics);
        CHECK(got.names == unbroken_.names);
    }

    InMemory in_memory_;
    Scene scene_;
    Random random_;
    Path watched_;
    Clock::duration duration_ = {};
    size_t points_ = 0;
    Remains unbroken_;
    int64_t committed_ = 0;
    std::string told_;
    int kills_ = 0;
};

}   // namespace

TEST_CASE("a run that is killed and started again ends as if nobody had killed it") {
    if (!faults_work()) return skip("no library can be put in front of this build");
    int kills = 0;
    for (const Options& variant : kVariants) {
        Killing killing(variant);
        const int wanted = kills + 20 / kRunsLeftOut;
        for (int i = 0; kills + killing.kills() < wanted; ++i) {
            if (i % 3 == 2)
                killing.kill_at_moments();
            else
                killing.kill_at(killing.random_point(), kActs[i % 3]);
        }
        kills += killing.kills();
    }
    CHECK(kills >= 50 / kRunsLeftOut);
}

TEST_CASE("a run killed at every point of it, a thousand kills in all, ends the same" * doctest::test_suite("slow")) {
    if (!faults_work()) return skip("no library can be put in front of this build");
    int kills = 0;
    size_t stride = 1;   // the other variants change the same files
    for (const Options& variant : kVariants) {
        Killing killing(variant);
        for (size_t point = 1; point <= killing.points(); point += stride) killing.kill_at(point, kActs[point % 3]);
        for (int i = 0; i < 50; ++i) killing.kill_at_moments();
        kills += killing.kills();
        stride = 10;
    }
    MESSAGE("kills: ", kills);
    CHECK(kills >= 1000);
}
