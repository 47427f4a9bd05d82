#include "tests/faults/crash_states.h"

#include <unordered_set>

#include "tests/harness/random.h"
#include "tests/tools/e2e_scene.h"

namespace llmft::test {
namespace {

namespace fs = std::filesystem;

size_t mixed(size_t hash, std::string_view text) {
    return (hash ^ std::hash<std::string_view>()(text)) * 0x9e3779b97f4a7c15u;
}

size_t hash_of(const Tree& tree, size_t stage) {
    size_t hash = stage;
    for (const std::string& folder : tree.folders) hash = mixed(hash, folder);
    for (const auto& [path, bytes] : tree.files) hash = mixed(mixed(hash, path), bytes);
    return hash;
}

class Enumeration {
public:
    Enumeration(const DiskModel& disk, const CrashOptions& options, const std::function<bool(const CrashState&)>& visit)
        : disk_(disk), options_(options), visit_(visit), random_(options.seed) {}

    size_t run() {
        for (calls_ = 0; calls_ <= disk_.calls() && !over_; ++calls_)
            if (calls_ == 0 || options_.after(calls_ - 1)) prefix();
        return seen_.size();
    }

private:
    void prefix() {
        loose_ = disk_.loose(calls_);
        if (loose_.size() <= options_.exhaustive) {
            for (size_t bits = 0; bits < size_t{1} << loose_.size(); ++bits)
                one("subset " + std::to_string(bits), [&](size_t i) { return (bits >> i & 1) != 0; });
            return;
        }
        one("all kept", [](size_t) { return false; });
        one("all lost", [](size_t) { return true; });
        std::set<size_t> calls;
        for (const size_t i : loose_) calls.insert(call(i));
        for (const size_t c : calls) {
            one("call " + std::to_string(c) + " lost", [&](size_t i) { return call(loose_[i]) == c; });
            one("only call " + std::to_string(c) + " kept", [&](size_t i) { return call(loose_[i]) != c; });
        }
        for (int n = 0; n < options_.random; ++n) {
            const double share = random_.uniform(0.0, 1.0);
            one("random " + std::to_string(n), [&](size_t) { return random_.uniform(0.0, 1.0) < share; });
        }
    }

    size_t call(size_t change) const { return disk_.changes()[change].call; }

    template <class Lost>   // lost(index among the loose changes)
    void one(const std::string& how, const Lost& is_lost) {
        if (over_) return;
        std::vector<bool> lost(disk_.changes().size());
        for (size_t i = 0; i < loose_.size(); ++i) lost[loose_[i]] = is_lost(i);
        const Tree tree = disk_.after(calls_, lost);
        if (!seen_.insert(hash_of(tree, options_.stage(calls_))).second) return;
        over_ = !visit_({.tree = tree, .calls = calls_, .how = how});
    }

    const DiskModel& disk_;
    const CrashOptions& options_;
    const std::function<bool(const CrashState&)>& visit_;
    Random random_;
    size_t calls_ = 0;
    std::vector<size_t> loose_;
    std::unordered_set<size_t> seen_;
    bool over_ = false;
};

}   // namespace

size_t for_each_crash_state(const DiskModel& disk, const CrashOptions& options,
                            const std::function<bool(const CrashState&)>& visit) {
    return Enumeration(disk, options, visit).run();
}

Tree tree_of(const Path& folder) {
    Tree tree;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const std::string name = entry.path().lexically_relative(folder);
        if (entry.is_directory())
            tree.folders.insert(name);
        else
            tree.files[name] = bytes_of(entry.path());
    }
    return tree;
}

void put_tree(const Path& folder, const Tree& tree) {
    for (const auto& entry : fs::directory_iterator(folder)) fs::remove_all(entry);
    for (const std::string& name : tree.folders) fs::create_directory(folder / name);
    for (const auto& [name, bytes] : tree.files) put(folder / name, bytes);
}

void TreeFolder::become(const Tree& tree) {
    for (const auto& [name, bytes] : now_.files)
        if (!tree.files.contains(name)) fs::remove(path() / name);
    for (auto folder = now_.folders.rbegin(); folder != now_.folders.rend(); ++folder)
        if (!tree.folders.contains(*folder)) fs::remove(path() / *folder);
    for (const std::string& folder : tree.folders) fs::create_directory(path() / folder);
    for (const auto& [name, bytes] : tree.files) {
        const auto old = now_.files.find(name);
        if (old == now_.files.end() || old->second != bytes) put(path() / name, bytes);
    }
    now_ = tree;
}

}   // namespace llmft::test
