// Every call on a file failing once: what can be absorbed is, the rest is one line with the path and the right exit
// code; success is never told of a result that is lost or wrong, and nothing is left lying about.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>
#include <array>

#include "engine/io/file.h"
#include "tests/faults/crash_states.h"
#include "tests/faults/faulty_run.h"
#include "tests/harness/skip.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

using Acts = std::vector<std::string>;

bool writes(const FileCall& c) {
    return changes(c) || c.call == Call::kSync;
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
    Path result;   // a folder or a file
};

bool hidden(const std::string& path) {
    return path.starts_with(".") || path.find("/.") != std::string::npos;
}

// Times differ between runs of the same command; names of temporary files hold process ids.
std::string comparable(const Path& file) {
    if (file.filename() != "metrics.jsonl") return bytes_of(file);
    std::string text;
    for (Json line : Scene::lines(file)) {
        line.erase("step_ms");
        line.erase("tokens_per_second");
        text += line.dump() + "\n";
    }
    return text;
}

Tree result_of(const Path& result) {
    if (!fs::is_directory(result))
        return fs::exists(result) ? Tree{.folders = {}, .files = {{"", bytes_of(result)}}} : Tree{};
    Tree tree = tree_of(result);
    for (auto& [name, bytes] : tree.files) bytes = comparable(result / name);
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

// Calls that differ only in a number, like the writes of one file, are alike: the first, the second and the last stand
// for all.
std::vector<size_t> representatives(const std::vector<FileCall>& calls) {
    std::map<std::string, std::vector<size_t>> alike;
    for (size_t i = 0; i < calls.size(); ++i) {
        std::string key = kCallNames[static_cast<int>(calls[i].call)] + (" " + calls[i].path) + " " + calls[i].other;
        std::erase_if(key, [](char c) { return c >= '0' && c <= '9'; });
        alike[key].push_back(i);
    }
    std::set<size_t> chosen;
    for (const auto& [key, all] : alike) {
        for (size_t i = 0; i < std::min<size_t>(all.size(), 2); ++i) chosen.insert(all[i]);
        chosen.insert(all.back());
    }
    return {chosen.begin(), chosen.end()};
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

    void fail(size_t call) const {
        for (const std::string& act : acts_for(calls_[call])) {
            const FaultyRun run = once({.number = call + 1, .act = act});
            const FileCall* const struck = run.struck();
            const std::string where = described(struck != nullptr ? *struck : calls_[call], root_);
            INFO(job_.name, ": call ", call + 1, ", ", where, ": ", act, " -> exit ", run.ended.code, ", signal ",
                 run.ended.signal, "\n", run.ended.err);
            CHECK(struck != nullptr);
            if (act == "EINTR" || act == "short") CHECK(run.ended.code == 0);
            if (run.ended.code == 0)
                CHECK(result_of(job_.result) == good_);
            else
                expect_error(run, calls_[call], act);
            CHECK(leftovers(scene_) == std::vector<std::string>());
        }
    }

private:
    FaultyRun once(const Fault& fault) const {
        fs::remove_all(job_.result);
        for (const std::string& left : leftovers(scene_)) fs::remove_all(scene_.path(left));
        return run_with_fault(job_.arguments, root_, fault);
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
        CHECK_FALSE(bool(run.ended.out.find("\nnext: ") != std::string::npos));
    }

    const Scene& scene_;
    Job job_;
    Path root_;
    std::vector<FileCall> calls_;
    Tree good_;
};

Job train_job(const Scene& scene) {
    put(scene.model() / "generation_config.json", "{}\n");
    return {.name = "train", .arguments = scene.arguments(), .result = scene.output()};
}

Job merge_job(const Scene& scene) {
    scene.make_adapter();
    return {.name = "merge",
            .arguments = {"merge", "--model", scene.model(), "--adapter", scene.path("adapter"), "--output",
                          scene.output()},
            .result = scene.output()};
}

Job quantize_job(const Scene& scene) {
    return {.name = "quantize",
            .arguments = {"quantize", "--model", scene.model(), "--output", scene.output()},
            .result = scene.output()};
}

Job eval_job(const Scene& scene) {
    return {
        .name = "eval",
        .arguments = {"eval", "--model", scene.model(), "--dataset", scene.rows(), "--per-row", scene.path("rows.out")},
        .result = scene.path("rows.out")};
}

constexpr std::array kJobs = {train_job, merge_job, quantize_job, eval_job};

}   // namespace

TEST_CASE("a call on a file that fails once is absorbed, or told in one line with the right exit code") {
    if (!faults_work()) return skip("no library can be put in front of this build");
    for (const auto& job : kJobs) {
        const Scene scene;
        const Failing failing(scene, job(scene));
        for (const size_t call : representatives(failing.calls())) failing.fail(call);
    }
}

TEST_CASE("every call on a file failing once is absorbed, or told in one line" * doctest::test_suite("slow")) {
    if (!faults_work()) return skip("no library can be put in front of this build");
    for (const auto& job : kJobs) {
        const Scene scene;
        const Failing failing(scene, job(scene));
        for (size_t call = 0; call < failing.calls().size(); ++call) failing.fail(call);
    }
}
