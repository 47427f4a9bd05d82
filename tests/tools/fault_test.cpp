// Every call on a file failing once: what can be absorbed is, the rest is one line with the path and the right exit
// code; success is never told of a result that is lost or wrong, and nothing is left lying about.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>
#include <array>

#include "engine/train/checkpoint_folder.h"
#include "tests/faults/crash_states.h"
#include "tests/faults/faulty_run.h"
#include "tests/faults/in_memory.h"
#include "tests/faults/remains.h"
#include "tests/harness/skip.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

using Acts = std::vector<std::string>;

bool writes(const FileCall& c) {
    return changes(c) || c.call == Call::kSync;
}

// What has failed is itself the removal.
bool removes(const FileCall& c) {
    return c.call == Call::kUnlink || c.call == Call::kRemoveFolder || c.path.find("/.trash-") != std::string::npos;
}

// How a call of this kind may fail.
Acts acts_for(const FileCall& c) {
    switch (c.call) {
        case Call::kOpen:
            return changes(c) ? Acts{"EINTR", "ENOSPC", "EDQUOT", "EROFS", "EIO"} : Acts{"EINTR", "EIO", "EMFILE"};
        case Call::kRead: return {"EINTR", "short", "EIO"};
        case Call::kWrite: return {"EINTR", "short", "ENOSPC", "EDQUOT", "EIO"};
        case Call::kSync: return {"EINTR", "EIO", "ENOSPC", "EDQUOT"};
        case Call::kTruncate:
        case Call::kReserve: return {"EINTR", "ENOSPC", "EDQUOT", "EIO"};
        case Call::kRename:
        case Call::kLink:
        case Call::kMakeFolder: return {"ENOSPC", "EDQUOT", "EROFS", "EIO"};
        case Call::kUnlink:
        case Call::kRemoveFolder: return {"EROFS", "EIO"};
        case Call::kClose: return {"EINTR", "EIO", "ENOSPC"};
        case Call::kMap: return {"ENOMEM"};
        case Call::kStatus: return {"EIO"};
        case Call::kLock: return {"EINTR", "ENOLCK"};
    }
    return {};
}

// A command that writes a result, and what is to be compared of it.
struct Job {
    std::string name;
    std::vector<std::string> arguments;
    Path result;       // a folder or a file
    Tree start = {};   // what is in that folder before
};

bool hidden(const std::string& path) {
    return path.starts_with(".") || path.find("/.") != std::string::npos;
}

Tree result_of(const Path& result) {
    if (!fs::is_directory(result))
        return fs::exists(result) ? Tree{.folders = {}, .files = {{"", bytes_of(result)}}} : Tree{};
    Tree tree = tree_of(result);
    if (!tree.files.contains("metrics.jsonl")) return tree;
    // Steps take their time, which the report shows; the length and the hash of that are in two other files.
    std::string text;
    for (const Json& line : without_times(Scene::lines(result / "metrics.jsonl"))) text += line.dump() + "\n";
    for (auto& [name, bytes] : tree.files) {
        const std::string file = Path(name).filename();
        if (file == "metrics.jsonl") bytes = text;
        if (file == "report.html" || file == "manifest.json" || file == "trainer_state.json") bytes.clear();
    }
    return tree;
}

std::vector<std::string> leftovers(const Scene& scene) {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(scene.path("."))) {
        const std::string name = entry.path().lexically_relative(scene.path("."));
        if (hidden(name)) found.push_back(name);
    }
    return found;
}

// Calls that differ only in a number, like the writes of one file, are alike: one stands for all, also for those of
// other commands.
using Alike = std::set<std::string>;

std::vector<size_t> representatives(const std::vector<FileCall>& calls, const std::string& root, Alike& seen) {
    std::map<std::string, std::vector<size_t>> alike;
    for (size_t i = 0; i < calls.size(); ++i) {
        FileCall call = calls[i];
        call.data_bytes = 0;
        std::string key = described(call, root);
        std::erase_if(key, [](char c) { return c >= '0' && c <= '9'; });
        alike[key].push_back(i);
    }
    std::vector<size_t> chosen;
    for (const auto& [key, all] : alike)
        if (seen.insert(key).second) chosen.push_back(all[chosen.size() % all.size()]);
    return chosen;
}

class Failing {
public:
    Failing(const Scene& scene, Job job) : scene_(scene), job_(std::move(job)), root_(scene.path("").parent_path()) {
        const FaultyRun run = once({});
        REQUIRE_MESSAGE(run.ended.code == 0, run.ended.err);
        calls_ = run.calls;
        good_ = result_of(job_.result);
        REQUIRE(leftovers(scene_).empty());
    }

    const std::vector<FileCall>& calls() const { return calls_; }
    std::vector<size_t> unlike(Alike& seen) const { return representatives(calls_, root_, seen); }

    // In each of `most` ways, which take turns from call to call.
    void fail(size_t call, size_t most = 9) const {
        const Acts acts = acts_for(calls_[call]);
        for (size_t i = 0; i < std::min(most, acts.size()); ++i) {
            const std::string& act = acts[(call + i) % acts.size()];
            const FaultyRun run = once({.number = call + 1, .act = act});
            const FileCall* const struck = run.struck();
            const std::string where = described(struck != nullptr ? *struck : calls_[call], root_);
            INFO(job_.name, ": call ", call + 1, ", ", where, ": ", act, " -> exit ", run.ended.code, ", signal ",
                 run.ended.signal, "\n", run.ended.err);
            CHECK(struck != nullptr);
            // The C++ library opens some files and folders, and does not try twice; no disk interrupts that.
            const bool opens = calls_[call].call == Call::kOpen && !changes(calls_[call]);
            if ((act == "EINTR" && !opens) || act == "short") CHECK(run.ended.code == 0);
            // What never came onto the disk is no result, though it can be read now.
            if (calls_[call].call == Call::kSync && act != "EINTR") CHECK(run.ended.code != 0);
            if (run.ended.code == 0)
                CHECK((same_result(run.ended.err) || warned(run.ended.err)));
            else
                expect_error(run, calls_[call], act);
            if (struck == nullptr || !removes(*struck))
                CHECK(new_leftovers(run.ended.code) == std::vector<std::string>());
            if (job_.name.ends_with("train")) expect_checkpoints(run, call % 5 == 0);
        }
    }

private:
    FaultyRun once(const Fault& fault) const {
        fs::remove_all(job_.result);
        for (const std::string& left : leftovers(scene_)) fs::remove_all(scene_.path(left));
        if (!job_.start.folders.empty()) {
            fs::create_directory(job_.result);
            put_tree(job_.result, job_.start);
        }
        return run_with_fault(job_.arguments, root_, fault);
    }

    // A checkpoint that could not be read was passed over with a warning, and set aside.
    bool same_result(const std::string& err) const {
        Tree got = result_of(job_.result);
        if (err.find("is skipped: ") != std::string::npos) {
            const auto aside = [](const std::string& name) { return name.starts_with("before-1"); };
            std::erase_if(got.folders, aside);
            std::erase_if(got.files, [&](const auto& file) { return aside(file.first); });
        }
        return got == good_;
    }

    void expect_checkpoints(const FaultyRun& run, bool go_on) const {
        std::vector<std::string> skipped;
        const auto newest = newest_checkpoint(job_.result, skipped);
        CHECK(skipped == std::vector<std::string>());
        CHECK((newest ? newest->step : 0) >= committed_step(run.calls, run.calls.size()));
        if (run.ended.code == 0 || !go_on) return;
        const Ended again = run_llmft(job_.arguments);
        CHECK(again.code == 0);
        CHECK(same_result(run.ended.err + again.err));
    }

    // Those that were there before are swept away later than some calls are made. A checkpoint that goes stays in
    // .trash- where it is not certain that the disk knows of that name.
    std::vector<std::string> new_leftovers(int code) const {
        std::vector<std::string> found = leftovers(scene_);
        std::erase_if(found, [&](const std::string& name) {
            const std::string inside = name.substr(std::min(name.size(), name.find('/') + 1));
            return job_.start.folders.contains(inside) || job_.start.files.contains(inside) ||
                   (code != 0 && inside.starts_with(".trash-"));
        });
        return found;
    }

    // generation_config.json comes last: that it is missing is worth a warning, not the weights.
    static bool warned(const std::string& err) {
        return err.find("warning: generation_config.json is not written: ") != std::string::npos;
    }

    void expect_error(const FaultyRun& run, const FileCall& call, const std::string& act) const {
        const std::string& err = run.ended.err;
        const size_t line = err.rfind("llmft: error E-");
        REQUIRE(line != std::string::npos);
        CHECK(err.find("llmft: error E-") == line);
        CHECK(err.find('\n', line) == err.size() - 1);
        const bool full = act == "ENOSPC" || act == "EDQUOT";
        if (writes(call) || call.call == Call::kClose) {
            CHECK(run.ended.code == (full ? 3 : 2));
            CHECK(err.compare(line, 21, full ? "llmft: error E-DISK: " : "llmft: error E-PATH: ") == 0);
        } else {
            CHECK((run.ended.code == 2 || run.ended.code == 3));
        }
        // The file, or the folder that it is made in.
        CHECK(err.find(root_.string(), line) != std::string::npos);
        CHECK_FALSE(bool(run.ended.out.find("\nnext ") != std::string::npos));
    }

    const Scene& scene_;
    Job job_;
    Path root_;
    std::vector<FileCall> calls_;
    Tree good_;
};

Job train_job(Scene& scene) {
    for (const auto& [name, value] : {std::pair("--max-steps", "3"),
                                      {"--save-strategy", "steps"},
                                      {"--save-steps", "1"},
                                      {"--save-total-limit", "2"},
                                      {"--lora-r", "2"}})
        scene.flag(name, value);
    put(scene.model() / "generation_config.json", "{}\n");
    return {.name = "train", .arguments = scene.arguments(), .result = scene.output()};
}

// Going on from checkpoint-3, beside what kills have left.
Job resume_job(Scene& scene) {
    Job job = train_job(scene);
    scene.flag("--max-steps", "4");
    job.arguments = scene.arguments();
    const FaultyRun whole = run_with_fault(job.arguments, scene.path("").parent_path());
    const auto kill = [](const FileCall& c) { return c.path.ends_with("/.trash-checkpoint-1/trainer_state.json"); };
    const auto last = std::find_if(whole.calls.begin(), whole.calls.end(), kill);
    fs::remove_all(job.result);
    run_with_fault(job.arguments, scene.path("").parent_path(),
                   {.number = static_cast<size_t>(last - whole.calls.begin()) + 1, .act = "kill"});
    job.start = tree_of(job.result);
    job.start.folders.insert(".tmp-checkpoint-4-1");
    job.start.files[".tmp-checkpoint-4-1/a"] = "1";
    CHECK(job.start.folders.contains("checkpoint-3"));
    CHECK(job.start.folders.contains(".trash-checkpoint-1"));
    job.name = "resumed train";
    return job;
}

Job merge_job(Scene& scene) {
    scene.make_adapter();
    return {.name = "merge",
            .arguments = {"merge", "--model", scene.model(), "--adapter", scene.path("adapter"), "--output",
                          scene.output()},
            .result = scene.output()};
}

Job quantize_job(Scene& scene) {
    return {.name = "quantize",
            .arguments = {"quantize", "--model", scene.model(), "--output", scene.output()},
            .result = scene.output()};
}

Job eval_job(Scene& scene) {
    return {
        .name = "eval",
        .arguments = {"eval", "--model", scene.model(), "--dataset", scene.rows(), "--per-row", scene.path("rows.out")},
        .result = scene.path("rows.out")};
}

constexpr std::array kJobs = {train_job, resume_job, merge_job, quantize_job, eval_job};

}   // namespace

TEST_CASE("a call on a file that fails once is absorbed, or told in one line with the right exit code") {
    if (!faults_work()) return skip("no library can be put in front of this build");
    Alike seen;
    for (const auto& job : kJobs) {
        const InMemory in_memory;
        Scene scene;
        const Failing failing(scene, job(scene));
        size_t number = 0;
        for (const size_t call : failing.unlike(seen))
            if (number++ % kRunsLeftOut == 0) failing.fail(call, writes(failing.calls()[call]) ? 2 : 1);
    }
}

TEST_CASE("every call on a file failing once is absorbed, or told in one line" * doctest::test_suite("slow")) {
    if (!faults_work()) return skip("no library can be put in front of this build");
    for (const auto& job : kJobs) {
        const InMemory in_memory;
        Scene scene;
        const Failing failing(scene, job(scene));
        for (size_t call = 0; call < failing.calls().size(); ++call) failing.fail(call);
    }
}
