// Power cuts while train saves, rotates and ends: every state of the disk that POSIX allows is one from which the run
// goes on by itself, from the newest checkpoint that was committed or a newer one, and nothing damaged is taken for
// good.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "engine/log/metrics.h"
#include "engine/train/checkpoint_folder.h"
#include "engine/train/run_state.h"
#include "kernels/base/error.h"
#include "tests/faults/crash_states.h"
#include "tests/faults/faulty_run.h"
#include "tests/faults/in_memory.h"
#include "tests/faults/remains.h"
#include "tests/harness/skip.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

// The files below a folder of a tree, by their names in it.
std::map<std::string, std::string> below(const Tree& tree, const std::string& folder) {
    std::map<std::string, std::string> files;
    for (const auto& [name, bytes] : tree.files)
        if (name.starts_with(folder + "/")) files[name.substr(folder.size() + 1)] = bytes;
    return files;
}

// place/ is what the disk holds, place/out the output folder: its own name may be lost, too.
class Cutting {
public:
    explicit Cutting(const char* limit) {
        fs::create_directory(place());
        put(scene_.rows(), token_rows(8, 6, 1));
        scene_.flag("--output-dir", output());
        scene_.flag("--max-steps", "5");
        scene_.flag("--lora-r", "2");
        scene_.flag("--save-strategy", "steps");
        scene_.flag("--save-steps", "1");
        scene_.flag("--save-total-limit", limit);
    }

    Path place() const { return scene_.path("place"); }
    Path output() const { return place() / "out"; }
    const std::vector<FileCall>& calls() const { return calls_; }

    // A run from what is in place/ now, to its end.
    void trace() {
        start_ = tree_of(place());
        std::vector<std::string> skipped;
        const auto from = anew_ ? std::nullopt : newest_checkpoint(output(), skipped);
        const FaultyRun run = run_with_fault(scene_.arguments(), place());
        REQUIRE_MESSAGE(run.ended.code == 0, run.ended.err);
        calls_ = run.calls;
        end_ = remains_of(output());
        committed_.assign(calls_.size() + 1, 0);
        for (size_t i = 0; i <= calls_.size(); ++i)
            committed_[i] = std::max(from ? from->step : 0, committed_step(calls_, i));
    }
    // A run that is killed at its n-th change of a file.
    void kill_at(size_t change) {
        run_with_fault(scene_.arguments(), place(), {.kind = "change", .number = change, .act = "kill"});
    }
    void begin_anew() {
        scene_.flag("--resume", "never");
        anew_ = true;
    }
    void start_over() { put_tree(place(), {}); }

    // The number of states, of every prefix that ends with a change; of those that end with a write each `stride`-th.
    // Each `sample`-th is given to the real program.
    size_t cut(int random, size_t stride, size_t sample) {
        DiskModel disk(place(), start_);
        for (size_t i = 0; i < calls_.size(); ++i) {
            disk.apply(calls_[i]);
            remember(disk, i);
        }
        const CrashOptions options = {
            .random = random,
            .stage =
                [&](size_t calls) { return static_cast<size_t>(committed_[calls]) * 2 + (calls == calls_.size()); },
            .after =
                [&](size_t call) {
                    const FileCall& c = calls_[call];
                    return c.call == Call::kWrite ? call % stride == 0 : changes(c);
                }};
        size_t number = 0;
        return for_each_crash_state(disk, options, [&](const CrashState& state) {
            const size_t last = std::min(state.calls, calls_.size()) - (state.calls > 0 ? 1 : 0);
            INFO("power cut after call ", state.calls, ", ", described(calls_[last], place()), "; ", state.how);
            folder_.become(state.tree);
            check(state);
            if (sample > 0 && ++number % sample == 0) go_on(state.tree);
            bad_ += !good_;
            return bad_ < 20;   // a broken protocol is broken in thousands of states
        });
    }

private:
    void remember(const DiskModel& disk, size_t call) {
        const int64_t step = committed_[call + 1];
        if (step != committed_[call])
            whole_[step] = below(disk.after(call + 1, {}), fmt::format("out/checkpoint-{}", step));
        if (call + 1 == calls_.size()) result_ = below(disk.after(call + 1, {}), "out");
    }

    void check(const CrashState& state) {
        const Path out = folder_.path() / "out";
        std::vector<std::string> skipped;
        const auto newest = newest_checkpoint(out, skipped);
        const int64_t committed = committed_[state.calls];
        good_ = newest ? anew_ || newest->step >= committed : committed == 0;
        CHECK_MESSAGE(good_, "newest is ", newest ? newest->step : 0, ", committed was ", committed);
        if (newest) {
            const auto found = below(state.tree, fmt::format("out/checkpoint-{}", newest->step));
            const bool same = whole_.contains(newest->step) && found == whole_.at(newest->step);
            // Of a run before this one, in the state it was in at the start.
            const bool old = found == below(start_, fmt::format("out/checkpoint-{}", newest->step));
            CHECK((same || old));
            const RunState run = read_run_state(newest->path);
            const bool metrics = read_metrics(out / "metrics.jsonl", run.metrics_bytes, newest->step).has_value();
            CHECK_MESSAGE(metrics, "metrics.jsonl has lost steps before the checkpoint");
            good_ = good_ && (same || old) && metrics;
        }
        const auto result = state.tree.files.find("out/adapter_model.safetensors");
        if (result != state.tree.files.end()) CHECK(bool(result->second == result_.at("adapter_model.safetensors")));
        const bool sealed = state.tree.files.contains("out/manifest.json");
        if (sealed) CHECK_NOTHROW(expect_files(out, read_manifest(out), ManifestCheck::kContents));
        if (state.calls == calls_.size()) CHECK(sealed);
    }

    void go_on(const Tree& tree) {
        put_tree(place(), tree);
        const Ended ended = scene_.run();
        INFO(ended.err);
        REQUIRE(ended.code == 0);
        const Remains got = remains_of(output());
        CHECK(bool(got.result == end_.result));
        CHECK(bool(got.state == end_.state));
        CHECK(got.metrics == end_.metrics);
        CHECK(got.damaged == std::vector<std::string>());
    }

    InMemory in_memory_;
    Scene scene_;
    Tree start_;
    bool anew_ = false;
    std::vector<FileCall> calls_;
    Remains end_;
    std::vector<int64_t> committed_;                                // after so many calls
    std::map<int64_t, std::map<std::string, std::string>> whole_;   // checkpoints as they were committed
    std::map<std::string, std::string> result_;
    TreeFolder folder_;
    int bad_ = 0;
    bool good_ = true;
};

size_t cut_everywhere(const char* limit, int random, size_t stride, size_t sample) {
    Cutting cutting(limit);
    cutting.trace();
    size_t states = cutting.cut(random, stride, sample);
    // Going on where a kill left a checkpoint half written, and where it left one half removed.
    size_t changed = 0, in_save = 0, in_rotation = 0;
    for (const FileCall& c : cutting.calls()) {
        changed += changes(c);
        if (c.call == Call::kWrite && c.path.find("/.tmp-checkpoint-4") != std::string::npos) in_save = changed;
        if (c.call == Call::kUnlink && c.path.find("/.trash-checkpoint-2/") != std::string::npos) in_rotation = changed;
    }
    REQUIRE(in_save > 0);
    REQUIRE(in_rotation > 0);
    for (const size_t kill : {in_save, in_rotation}) {
        cutting.start_over();
        cutting.kill_at(kill);
        cutting.trace();
        states += cutting.cut(random, stride, sample);
    }
    // Beginning anew over a run that had come to its end: its checkpoints are set aside.
    cutting.begin_anew();
    cutting.trace();
    return states + cutting.cut(random, 2 * stride, sample);
}

// A folder that a command fills under another name.
void cut_staged(const Scene& scene, const std::vector<std::string>& arguments) {
    const Path place = scene.path("place");
    fs::create_directory(place);
    const FaultyRun run = run_with_fault(arguments, place);
    REQUIRE_MESSAGE(run.ended.code == 0, run.ended.err);
    DiskModel disk(place, {});
    for (const FileCall& c : run.calls) disk.apply(c);
    const auto whole = below(tree_of(place), "new/out");
    for_each_crash_state(
        disk, {.random = 1, .stage = [&](size_t calls) { return calls / disk.calls(); }}, [&](const CrashState& state) {
            const bool there = state.tree.folders.contains("new/out");
            const bool good = there ? below(state.tree, "new/out") == whole : state.calls < disk.calls();
            CHECK_MESSAGE(good, "power cut after call ", state.calls, "; ", state.how);
            return good;
        });
}

}   // namespace

TEST_CASE("after every power cut a run goes on from what was committed") {
    if (!faults_work()) return skip("no library can be put in front of this build");
    const size_t states = cut_everywhere("2", 1, 11 * kRunsLeftOut, 300);
    MESSAGE("states: ", states);
    CHECK(states >= 5000 / kRunsLeftOut);
}

TEST_CASE("after every power cut of twenty thousand a run goes on" * doctest::test_suite("slow")) {
    if (!faults_work()) return skip("no library can be put in front of this build");
    const size_t states = cut_everywhere("2", 3, 1, 100) + cut_everywhere("1", 1, 2, 300);
    MESSAGE("states: ", states);
    CHECK(states >= 20000);
}

TEST_CASE("a folder made by quantize or merge is there whole after a power cut, or not at all") {
    if (!faults_work()) return skip("no library can be put in front of this build");
    const InMemory in_memory;
    {
        const Scene scene;
        cut_staged(scene, {"quantize", "--model", scene.model(), "--output", scene.path("place/new/out")});
    }
    const Scene scene;
    scene.make_adapter();
    cut_staged(scene, {"merge", "--model", scene.model(), "--adapter", scene.path("adapter"), "--output",
                       scene.path("place/new/out")});
}
