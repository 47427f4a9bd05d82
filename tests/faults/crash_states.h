// All the disks that a power cut may leave behind, or as many as there is time for; and the folder that shows one of
// them to code that reads files.
#pragma once

#include <functional>

#include "engine/io/file.h"
#include "tests/faults/disk_model.h"
#include "tests/faults/in_memory.h"
#include "tests/harness/temp_folder.h"

namespace llmft::test {

struct CrashState {
    const Tree& tree;
    size_t calls;      // power failed after so many of the log
    std::string how;   // what was lost
};

struct CrashOptions {
    // Of at most so many loose changes every subset is tried; of more: all kept, all lost, each call's alone lost, each
    // call's alone kept, and random ones.
    size_t exhaustive = 6;
    int random = 4;
    std::string seed = "crash";
    // Prefixes with the same number have the same demands, so that a disk seen twice among them is one state.
    std::function<size_t(size_t calls)> stage = [](size_t calls) { return calls; };
    // A prefix that ends with a call for which this is false is passed over.
    std::function<bool(size_t call)> after = [](size_t) { return true; };
};

// Stops when `visit` returns false. The number of states visited, each of them different.
size_t for_each_crash_state(const DiskModel&, const CrashOptions&, const std::function<bool(const CrashState&)>& visit);

Tree tree_of(const Path& folder);

// What is in `folder` goes, and the tree takes its place.
void put_tree(const Path& folder, const Tree& tree);

// A folder that becomes one tree after another; what stays the same is not written again.
class TreeFolder {
public:
    const Path& path() const { return folder_.path(); }
    void become(const Tree&);

private:
    InMemory in_memory_;
    TempFolder folder_;
    Tree now_;
};

}   // namespace llmft::test
