#include "engine/io/mapped_file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>

#include "engine/io/quote.h"
#include "kernels/base/error.h"

namespace llmft {

// A mapping as the handler of SIGBUS sees it: [first, last), nothing where first is 0.
struct MappedFile::Watch {
    std::atomic<uintptr_t> first = 0, last = 0;
    std::atomic<bool> torn = false;
    Watch* next = nullptr;
};

// All of them, in a list that only grows, because the handler may be walking it: a Watch is used again, never freed.
struct MappedFile::Watches {
    static std::atomic<Watch*> head;
    static std::mutex mutex;   // for those who take one; the handler does without
    static struct sigaction previous;
    static uintptr_t page_bytes;

    static Watch* take(Bytes bytes);
    static void handle(int signal, siginfo_t* info, void* context);
    static void install();
};

std::atomic<MappedFile::Watch*> MappedFile::Watches::head = nullptr;
std::mutex MappedFile::Watches::mutex;
struct sigaction MappedFile::Watches::previous = {};
uintptr_t MappedFile::Watches::page_bytes = 0;

// Touching a page that its file no longer has raises SIGBUS. In a mapping of ours, zeros take the place of that page
// and all behind it, and the thread goes on. A fault elsewhere is not ours: it happens again under the handler before
// us.
void MappedFile::Watches::handle(int, siginfo_t* info, void*) {
    const int error_number = errno;
    const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
    const bool sent = info->si_code <= 0;   // by a process, so there is no address
    for (Watch* watch = sent ? nullptr : head.load(); watch != nullptr; watch = watch->next) {
        const uintptr_t first = watch->first, last = watch->last;
        if (first == 0 || address < first || address >= last) continue;
        const uintptr_t page = address / page_bytes * page_bytes;
        void* const zeros =
            mmap(reinterpret_cast<void*>(page), last - page, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (zeros == MAP_FAILED) break;
        watch->torn = true;
        errno = error_number;
        return;
    }
    sigaction(SIGBUS, &previous, nullptr);
    if (sent) raise(SIGBUS);
}

void MappedFile::Watches::install() {
    page_bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous);
}

MappedFile::Watch* MappedFile::Watches::take(Bytes bytes) {
    const std::lock_guard lock(mutex);
    if (page_bytes == 0) install();
    Watch* watch = head;
    while (watch != nullptr && watch->first != 0) watch = watch->next;
    const bool fresh = watch == nullptr;
    if (fresh) watch = new Watch;
    watch->torn = false;
    watch->last = reinterpret_cast<uintptr_t>(bytes.data() + bytes.size());
    watch->first = reinterpret_cast<uintptr_t>(bytes.data());
    if (fresh) {
        watch->next = head;
        head = watch;
    }
    return watch;
}

MappedFile::MappedFile(const Path& path) : name_(path.string()) {
    int64_t size = 0;
    const Descriptor file = open_regular_file(path, size);
    if (size == 0) return;
    void* const data = mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (data == MAP_FAILED && errno == ENOMEM)
        throw OutOfMemory(
            fmt::format("{}: no room to map its {} bytes; close other programs or raise the limit on "
                        "address space",
                        name_, size));
    if (data == MAP_FAILED)
        throw UserError("PATH", name_, "", fmt::format("cannot be mapped: {}", std::strerror(errno)),
                        "try another file system");
    bytes_ = {static_cast<const std::byte*>(data), static_cast<size_t>(size)};
    try {
        watch_ = Watches::take(bytes_);
    } catch (...) {
        munmap(data, static_cast<size_t>(size));
        throw;
    }
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : name_(std::move(other.name_)),
      bytes_(std::exchange(other.bytes_, Bytes())),
      watch_(std::exchange(other.watch_, nullptr)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(bytes_, other.bytes_);
    std::swap(watch_, other.watch_);
    return *this;
}

MappedFile::~MappedFile() {
    if (bytes_.empty()) return;
    watch_->first = 0;
    munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::release(Bytes part) const {
    const auto first = reinterpret_cast<uintptr_t>(part.data()), last = first + part.size();
    const uintptr_t page = Watches::page_bytes;
    if (part.empty()) return;
    const uintptr_t begin = (first + page - 1) / page * page, end = last / page * page;
    if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

void MappedFile::expect_intact() const {
    struct stat status = {};
    // The last page that a cut file still has reads as zeros behind the cut without a signal: only the length tells. A
    // file that was removed or renamed meanwhile is still whole in the mapping.
    const bool there = stat(name_.c_str(), &status) == 0;
    const bool cut = there && status.st_size != static_cast<off_t>(bytes_.size());
    if (cut || (watch_ != nullptr && watch_->torn))
        throw UserError(
            "TRUNC", name_, "length",
            fmt::format("was {} when it was opened and changed while it was read", byte_count_text(bytes_.size())),
            "let nobody write to it and try again");
}

}   // namespace llmft
