#include "tests/faults/disk_model.h"

#include <fcntl.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace llmft::test {

DiskModel::DiskModel(std::string root, const Tree& start) : root_(std::move(root)) {
    folders_[0];
    for (const std::string& folder : start.folders) make(root_ + "/" + folder, true);
    for (const auto& [path, bytes] : start.files)
        start_files_[make(root_ + "/" + path, false)] = {.bytes = bytes, .size = bytes.size()};
    changes_.clear();
    last_change_of_name_.clear();
    start_folders_ = folders_;
}

std::pair<int, std::string> DiskModel::place(const std::string& path) const {
    if (!path.starts_with(root_ + "/")) throw std::runtime_error("not below the root: " + path);
    int folder = 0;
    size_t at = root_.size() + 1;
    for (size_t end = path.find('/', at); end != std::string::npos; at = end + 1, end = path.find('/', at)) {
        const auto& entries = folders_.at(folder);
        const auto entry = entries.find(path.substr(at, end - at));
        if (entry == entries.end()) throw std::runtime_error("no such folder in the model: " + path);
        folder = entry->second;
    }
    return {folder, path.substr(at)};
}

int DiskModel::find(const std::string& path) const {
    if (path == root_) return 0;
    const auto [folder, name] = place(path);
    const auto& entries = folders_.at(folder);
    const auto entry = entries.find(name);
    return entry == entries.end() ? kNone : entry->second;
}

int DiskModel::make(const std::string& path, bool folder) {
    const auto [parent, entry] = place(path);
    const int inode = inodes_++;
    if (folder) folders_[inode];
    name({{.folder = parent, .name = entry, .inode = inode}});
    return inode;
}

DiskModel::Change& DiskModel::changed(int inode, Change::Kind kind, size_t offset) {
    Change change;
    change.call = calls_;
    change.inode = inode;
    change.kind = kind;
    change.offset = offset;
    return changes_.emplace_back(std::move(change));
}

void DiskModel::name(std::vector<Change::Name> names) {
    Change& change = changed(kNone, Change::Kind::kNames, 0);
    for (const Change::Name& n : names) {
        auto& entries = folders_.at(n.folder);
        if (n.inode == kNone)
            entries.erase(n.name);
        else
            entries[n.name] = n.inode;
        const auto [last, first_time] = last_change_of_name_.try_emplace({n.folder, n.name}, changes_.size() - 1);
        if (!first_time) change.needs.push_back(std::exchange(last->second, changes_.size() - 1));
        change.folders.insert(n.folder);
    }
    change.names = std::move(names);
}

void DiskModel::open(const FileCall& c) {
    int inode = find(c.path);
    if (inode == kNone && (c.flags & O_CREAT) == 0) throw std::runtime_error("not in the model: " + c.path);
    if (inode == kNone)
        inode = make(c.path, false);
    else if ((c.flags & O_TRUNC) != 0)
        changed(inode, Change::Kind::kCut, 0);
    descriptors_[c.fd] = inode;
}

void DiskModel::write(const FileCall& c) {
    const int inode = descriptors_.at(c.fd);
    const auto first = static_cast<size_t>(c.offset),
               done = std::min<size_t>(c.data.size(), static_cast<size_t>(c.result));
    for (size_t at = first; at < first + done;) {
        const size_t end = std::min(first + done, (at / kSector + 1) * kSector);
        changed(inode, Change::Kind::kData, at).data = c.data.substr(at - first, end - at);
        at = end;
    }
    changed(inode, Change::Kind::kGrow, first + done);
}

void DiskModel::sync(int inode) {
    for (Change& change : changes_) {
        if (change.durable_from <= calls_) continue;
        const bool names = change.kind == Change::Kind::kNames;
        if (names ? change.folders.erase(inode) > 0 && change.folders.empty() : change.inode == inode)
            change.durable_from = calls_ + 1;
    }
}

void DiskModel::move(const FileCall& c) {
    const auto [folder, old_name] = place(c.path);
    const auto [other_folder, new_name] = place(c.other);
    const int inode = find(c.path);
    if (c.call == Call::kLink)
        name({{.folder = other_folder, .name = new_name, .inode = inode}});
    else
        name({{.folder = folder, .name = old_name, .inode = kNone},
              {.folder = other_folder, .name = new_name, .inode = inode}});
}

void DiskModel::apply(const FileCall& c) {
    if (c.result >= 0) switch (c.call) {
            case Call::kOpen: open(c); break;
            case Call::kClose: descriptors_.erase(c.fd); break;
            case Call::kWrite: write(c); break;
            case Call::kSync: sync(descriptors_.at(c.fd)); break;
            case Call::kTruncate:
                changed(descriptors_.at(c.fd), Change::Kind::kCut, static_cast<size_t>(c.offset));
                break;
            case Call::kReserve:
                changed(descriptors_.at(c.fd), Change::Kind::kGrow, static_cast<size_t>(c.offset));
                break;
            case Call::kRename:
            case Call::kLink: move(c); break;
            case Call::kUnlink:
            case Call::kRemoveFolder: {
                const auto [folder, entry] = place(c.path);
                name({{.folder = folder, .name = entry, .inode = kNone}});
                break;
            }
            case Call::kMakeFolder: make(c.path, true); break;
            case Call::kRead:
            case Call::kMap:
            case Call::kStatus:
            case Call::kLock: break;
        }
    ++calls_;
}

std::vector<size_t> DiskModel::loose(size_t calls) const {
    std::vector<size_t> result;
    for (size_t i = 0; i < changes_.size() && changes_[i].call < calls; ++i)
        if (changes_[i].durable_from > calls) result.push_back(i);
    return result;
}

void DiskModel::redo(const Change& change, File& file) {
    switch (change.kind) {
        case Change::Kind::kData: {
            const size_t end = change.offset + change.data.size();
            if (file.bytes.size() < end) file.bytes.resize(end);
            file.bytes.replace(change.offset, change.data.size(), change.data);
            break;
        }
        case Change::Kind::kGrow: file.size = std::max(file.size, change.offset); break;
        case Change::Kind::kCut:
            file.bytes.resize(std::min(file.bytes.size(), change.offset));
            file.size = change.offset;
            break;
        case Change::Kind::kNames: break;
    }
}

Tree DiskModel::after(size_t calls, const std::vector<bool>& lost) const {
    Folders folders = start_folders_;
    std::map<int, File> files = start_files_;
    std::vector<bool> missing(changes_.size());
    for (size_t i = 0; i < changes_.size() && changes_[i].call < calls; ++i) {
        const Change& change = changes_[i];
        missing[i] = change.durable_from > calls && i < lost.size() && lost[i];
        for (const size_t earlier : change.needs) missing[i] = missing[i] || missing[earlier];
        if (missing[i]) continue;
        if (change.kind != Change::Kind::kNames) redo(change, files[change.inode]);
        for (const Change::Name& n : change.names) {
            if (n.inode == kNone)
                folders[n.folder].erase(n.name);
            else
                folders[n.folder][n.name] = n.inode;
        }
    }
    Tree tree;
    collect(0, "", folders, files, tree);
    return tree;
}

void DiskModel::collect(int folder, const std::string& path, const Folders& folders, const std::map<int, File>& files,
                        Tree& tree) const {
    const auto entries = folders.find(folder);
    if (entries == folders.end()) return;
    for (const auto& [entry, inode] : entries->second) {
        const std::string at = path.empty() ? entry : path + "/" + entry;
        if (folders_.contains(inode)) {
            tree.folders.insert(at);
            collect(inode, at, folders, files, tree);
            continue;
        }
        std::string& bytes = tree.files[at];
        const auto file = files.find(inode);
        if (file == files.end()) continue;
        bytes = file->second.bytes;
        bytes.resize(file->second.size);
    }
}

}   // namespace llmft::test
