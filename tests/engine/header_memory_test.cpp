#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <new>

#include "engine/io/gguf.h"
#include "engine/io/safetensors.h"
#include "tests/engine/gguf_bytes.h"
#include "tests/engine/safetensors_bytes.h"
#include "tests/harness/sanitizers.h"
#include "tests/harness/skip.h"
#include "tests/harness/temp_folder.h"

namespace llmft {
namespace {

constexpr bool kCanLimitMemory = !test::kSanitized;   // shadow memory takes address space

// Opens the file in a process of its own that may take `room` bytes more than it has: "read", the refusal's kind, or
// "out of memory".
template <class File>
std::string open_within(const Path& path, int64_t room) {
    int pipe_ends[2] = {};
    REQUIRE(pipe(pipe_ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        int64_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        const auto limit = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE) + room);
        const rlimit memory = {limit, limit};
        setrlimit(RLIMIT_AS, &memory);
        std::string verdict = "read";
        try {
            File::open(path);
        } catch (const Error& e) {
            verdict = e.kind();
        } catch (const std::bad_alloc&) {
            verdict = "out of memory";
        }
        _exit(write(pipe_ends[1], verdict.data(), verdict.size()) < 0);
    }
    const Descriptor in(pipe_ends[0]);
    close(pipe_ends[1]);
    char verdict[64];
    const ssize_t got = read(in.get(), verdict, sizeof verdict);
    waitpid(child, nullptr, 0);
    return std::string(verdict, static_cast<size_t>(std::max<ssize_t>(0, got)));
}

std::string filled(const std::string& first, const std::string& unit, const std::string& last, int64_t bytes) {
    std::string text = first;
    while (static_cast<int64_t>(text.size()) < bytes) text += unit;
    return text + last;
}

TEST_CASE("no header makes the reader take more than four times its bytes and 16 MiB") {
    if (!kCanLimitMemory) return test::skip("sanitizers take memory of their own");
    constexpr int64_t kBytes = int64_t{12} << 20;
    std::string many = "{";
    for (int64_t i = 0; static_cast<int64_t>(many.size()) < kBytes; ++i)
        many += (i == 0 ? "" : ",") + ("\"model.layers." + std::to_string(i)) +
                R"(.self_attn.q_proj.weight":{"dtype":"F32","shape":[0,4096],"data_offsets":[0,0]})";
    const struct {
        std::string what;
        std::string header;
        std::string verdict;
    } cases[] = {
        {"a hundred thousand tensors", many + "}", "read"},
        {"lists in a tensor", filled(R"({"a":[[])", ",[]", "]}", kBytes), "LIMIT"},
        {"objects in a shape", filled(R"({"a":{"shape":[{})", ",{}", "]}}", kBytes), "LIMIT"},
        {"a list instead of an object", filled("[0", ",0", "]", kBytes), "SCHEMA"},
        {"one long name", filled("{\"", "a", "\":1}", kBytes), "LIMIT"},
        {"numbers for tensors", filled("{\"a\":1", ",\"a\":1", "}", kBytes), "SCHEMA"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.what);
        const test::TempFolder folder;
        const std::string file = test::container(c.header, 0);
        const Path path = folder.write("x.safetensors", file);
        // The mapped file is address space too.
        CHECK(open_within<Safetensors>(path, 5 * static_cast<int64_t>(file.size()) + (int64_t{16} << 20)) == c.verdict);
    }
}

TEST_CASE("no GGUF file makes the reader take more than four times its header's bytes and 16 MiB") {
    if (!kCanLimitMemory) return test::skip("sanitizers take memory of their own");
    constexpr int kTensors = 190'000, kValues = 65'000;
    test::GgufBytes tensors, values, texts, counts;
    for (int i = 0; i < kTensors; ++i) tensors.entry(test::gguf_entry(std::to_string(i), {0}, test::kTypeF32, 0));
    for (int i = 0; i < kValues; ++i) values.value(std::to_string(i), test::gguf_bool(0));
    texts.value("x", test::gguf_texts(std::vector<std::string_view>(1'500'000)));
    counts.value("x", test::gguf_array(GgufKind::kString, uint64_t{1} << 40, std::string(size_t{12} << 20, '\0')));
    counts.extra_values = 64'000;
    counts.extra_tensors = 190'000;
    const struct {
        std::string what;
        std::string file;
        std::string verdict;
    } cases[] = {
        {"as many tensors as may be", tensors.file(), "read"},
        {"as many values as may be", values.file(), "read"},
        {"a million texts", texts.file(), "read"},
        {"counts that promise a terabyte", counts.file(), "TRUNC"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.what);
        const test::TempFolder folder;
        const Path path = folder.write("x.gguf", c.file);
        CHECK(open_within<Gguf>(path, 5 * static_cast<int64_t>(c.file.size()) + (int64_t{16} << 20)) == c.verdict);
    }
}

}   // namespace
}   // namespace llmft
