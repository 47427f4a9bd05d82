// What a disk may hold after a power cut, as POSIX allows it and no file system promises more:
//
// - Data are durable after fsync of their file. Until then each sector of each write is there or not, apart from the
// others,
//   and so is each change of the length; a length without its data shows zeros.
// - A name (made, removed, renamed) is durable after fsync of its folder, and of both folders if it moves between two.
// Until
//   then it has happened or not, apart from the others; but of two changes of one name the later never comes without
//   the earlier. A rename is one change. Syncing a file says nothing of its name.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/faults/call_log.h"

namespace llmft::test {

// Paths below the root.
struct Tree {
    std::set<std::string> folders;
    std::map<std::string, std::string> files;

    bool operator==(const Tree&) const = default;
};

class DiskModel {
public:
    static constexpr size_t kSector = 512;

    // `root` is watched by the log; `start` is what lies in it, all durable.
    DiskModel(std::string root, const Tree& start);

    // The next call. One that failed, or that was not done to its end, changes what it got done.
    void apply(const FileCall&);
    size_t calls() const { return calls_; }

    // A change that power may lose.
    struct Change {
        size_t call = 0;                    // the number of the call that made it, from 0
        size_t durable_from = ~size_t{0};   // so many calls later it is durable
        int inode = 0;                      // of data and lengths
        enum class Kind { kData, kGrow, kCut, kNames } kind = Kind::kData;
        size_t offset = 0;   // of data; the length of the others
        std::string data;
        struct Name {
            int folder = 0;
            std::string name;
            int inode = 0;   // kNone: there is none any more
        };
        std::vector<Name> names;
        std::vector<size_t> needs;   // earlier changes of the same names
        std::set<int> folders;       // that are yet to be synced
    };
    const std::vector<Change>& changes() const { return changes_; }
    // Of those made by the first `calls` calls, the ones that power may still lose.
    std::vector<size_t> loose(size_t calls) const;
    // What is there when power fails after `calls` calls and these of the loose changes are lost (by number of change).
    Tree after(size_t calls, const std::vector<bool>& lost) const;

private:
    static constexpr int kNone = -1;
    using Folders = std::map<int, std::map<std::string, int>>;   // inode → name → inode
    struct File {
        std::string bytes;
        size_t size = 0;
    };

    int make(const std::string& path, bool folder);
    std::pair<int, std::string> place(const std::string& path) const;
    int find(const std::string& path) const;
    Change& changed(int inode, Change::Kind kind, size_t offset);
    void name(std::vector<Change::Name> names);
    void write(const FileCall&);
    void open(const FileCall&);
    void sync(int inode);
    void move(const FileCall&);
    static void redo(const Change&, File&);
    void collect(int folder, const std::string& path, const Folders&, const std::map<int, File>&, Tree&) const;

    std::string root_;
    size_t calls_ = 0;
    int inodes_ = 1;   // 0 is the root
    Folders start_folders_, folders_;
    std::map<int, File> start_files_;
    std::map<int, int> descriptors_;
    std::vector<Change> changes_;
    std::map<std::pair<int, std::string>, size_t> last_change_of_name_;
};

}   // namespace llmft::test
