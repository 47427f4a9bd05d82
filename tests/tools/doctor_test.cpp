// `llmft doctor`: facts read from a machine that is made up, judged, and the command itself on this one.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "engine/io/json.h"
#include "tests/tools/process.h"
#include "tools/doctor/checks.h"

using namespace llmft;
using namespace llmft::test;

namespace {

void put_in(const TempFolder& root, const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root.path() / path).parent_path());
    root.write(path, text);
}

// A machine where everything works.
Examined good_machine() {
    Examined e;
    e.machine = {.processor = "A Processor",
                 .features = {"avx2", "avx512f", "avx512_bf16"},
                 .online_cores = 8,
                 .allowed_cores = 8,
                 .quota_cores = std::numeric_limits<double>::infinity(),
                 .memory_bytes = int64_t{32} << 30,
                 .available_bytes = int64_t{30} << 30,
                 .limit_bytes = int64_t{32} << 30,
                 .huge_pages = "madvise",
                 .gpus = {},
                 .gpu_driver = {}};
    e.build = {.version = "1.2.3", .compiler = "g++ 12", .kind = "release", .off = {}};
    e.isa = "x86-64-v4";
    e.library = "oneDNN 2.6.3";
    e.bf16_products = true;
    e.threads = 8;
    e.disk = {.folder = "/tmp", .free_bytes = int64_t{100} << 30, .writable = true};
    e.open_files = 1024;
    e.terminal = true;
    e.terminal_columns = 120;
    e.utf8 = true;
    e.f32 = ProductSpeed{.gflops = 100, .worst_error = 1e-8};
    e.bf16 = ProductSpeed{.gflops = 200, .worst_error = 1e-8};
    e.portable = ProductSpeed{.gflops = 80, .worst_error = 1e-8};
    e.copy_gbs = 20;
    return e;
}

Check check_named(const Examined& e, const std::string& name) {
    const std::vector<Check> checks = judge(e);
    const auto found = std::find_if(checks.begin(), checks.end(), [&](const Check& c) { return c.name == name; });
    REQUIRE_MESSAGE(found != checks.end(), name);
    return *found;
}

}   // namespace

TEST_CASE("a machine's facts come from where Linux keeps them") {
    const TempFolder root;
    put_in(root, "proc/cpuinfo",
           "processor\t: 0\nmodel name\t: Some CPU 3000\nflags\t\t: fpu avx2 avx512f amx_bf16\n\n"
           "processor\t: 1\nmodel name\t: Some CPU 3000\nflags\t\t: fpu avx2\n");
    put_in(root, "proc/meminfo", "MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:    9000000 kB\n");
    put_in(root, "sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
    put_in(root, "sys/fs/cgroup/memory.max", "4096000000\n");
    put_in(root, "proc/driver/nvidia/version",
           "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.54.03  Tue Jun  6\nGCC version: gcc 12\n");
    put_in(root, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA A100\nIRQ:   \t 42\n");
    const MachineFacts facts = machine_facts(root.path());
    CHECK(facts.processor == "Some CPU 3000");
    CHECK(facts.features == std::set<std::string>{"fpu", "avx2", "avx512f", "amx_bf16"});
    CHECK(facts.online_cores == 2);
    CHECK(facts.memory_bytes == int64_t{16000000} * 1024);
    CHECK(facts.limit_bytes == 4096000000);
    CHECK(facts.available_bytes == 4096000000);   // no more than the container may have
    CHECK(facts.huge_pages == "never");
    CHECK(facts.gpu_driver == "535.54.03");
    CHECK(facts.gpus == std::vector<std::string>{"NVIDIA A100"});
}

TEST_CASE("a machine that tells nothing has facts all the same") {
    const TempFolder root;
    const MachineFacts facts = machine_facts(root.path());
    CHECK(facts.processor.empty());
    CHECK(facts.memory_bytes == 0);
    CHECK(!facts.gpu_driver);
    put_in(root, "proc/cpuinfo", ": nameless\n:\nmodel name\n");
    put_in(root, "proc/driver/nvidia/version", "no number here\n");
    CHECK(machine_facts(root.path()).processor.empty());
    CHECK(machine_facts(root.path()).gpu_driver == "?");
}

TEST_CASE("a good machine works throughout") {
    for (const Check& check : judge(good_machine())) {
        CHECK_MESSAGE(check.status == CheckStatus::kWorks, check.name, ": ", check.reason);
        CHECK(check.reason.empty());
    }
}

TEST_CASE("what is worse than it could be has a status, a reason and what to do") {
    struct Case {
        const char* check;
        CheckStatus status;
        const char* reason;
        const char* fix;
        void (*spoil)(Examined&);
    };
    const Case cases[] = {
        {"build", CheckStatus::kSlower, "optimised", "make", [](Examined& e) { e.build.kind = "debug"; }},
        {"kernels", CheckStatus::kSlower, "AVX2", "", [](Examined& e) { e.isa = "x86-64-v2"; }},
        {"threads", CheckStatus::kSlower, "5 cores idle", "unset",
         [](Examined& e) {
             e.threads = 3;
             e.wanted_threads = "3";
         }},
        {"threads", CheckStatus::kSlower, "wait for each other", "OMP_NUM_THREADS=8",
         [](Examined& e) { e.threads = 16; }},
        {"threads", CheckStatus::kSlower, "2.5 cores", "OMP_NUM_THREADS=2",
         [](Examined& e) { e.machine.quota_cores = 2.5; }},
        {"products", CheckStatus::kSlower, "without oneDNN", "libdnnl-dev", [](Examined& e) { e.library = ""; }},
        {"bf16", CheckStatus::kMissing, "without oneDNN", "libdnnl-dev", [](Examined& e) { e.bf16_products = false; }},
        {"bf16", CheckStatus::kMissing, "neither AVX512_BF16 nor AMX", "",
         [](Examined& e) {
             e.bf16_products = false;
             e.machine.features = {"avx2"};
         }},
        {"bf16 speed", CheckStatus::kSlower, "slower than f32", "", [](Examined& e) { e.bf16->gflops = 50; }},
        {"f32 speed", CheckStatus::kBroken, "wrong", "--portable", [](Examined& e) { e.f32->worst_error = 0.1; }},
        {"portable", CheckStatus::kBroken, "wrong", "--portable",
         [](Examined& e) { e.portable->worst_error = std::numeric_limits<double>::quiet_NaN(); }},
        {"memory", CheckStatus::kBroken, "not even a small model", "end other programs",
         [](Examined& e) { e.machine.available_bytes = 1 << 20; }},
        {"memory", CheckStatus::kBroken, "not even a small model", "ulimit -v",
         [](Examined& e) { e.address_space = 1 << 20; }},
        {"memory", CheckStatus::kSlower, "1 GiB", "plan", [](Examined& e) { e.machine.available_bytes = 500 << 20; }},
        {"memory", CheckStatus::kSlower, "mapped whole", "ulimit -v",
         [](Examined& e) { e.address_space = int64_t{8} << 30; }},
        {"huge pages", CheckStatus::kSlower, "small pages", "madvise",
         [](Examined& e) { e.machine.huge_pages = "never"; }},
        {"disk", CheckStatus::kSlower, "cannot be written", "--output-dir",
         [](Examined& e) { e.disk.writable = false; }},
        {"disk", CheckStatus::kSlower, "may not fit", "--output-dir", [](Examined& e) { e.disk.free_bytes = 1 << 20; }},
        {"open files", CheckStatus::kSlower, "shards", "ulimit -n", [](Examined& e) { e.open_files = 64; }},
        {"GPU", CheckStatus::kMissing, "does not have it", "",
         [](Examined& e) {
             e.machine.gpus = {"NVIDIA A100"};
             e.build.off = {"training on NVIDIA GPUs: this version of llmft does not have it"};
         }},
        {"GPU", CheckStatus::kMissing, "the driver runs CUDA 12.2, 12.8 is needed", "570",
         [](Examined& e) {
             e.machine.gpus = {"NVIDIA A100"};
             e.gpu_driver_api = 12020;
         }},
        {"GPU", CheckStatus::kMissing, "libcuda.so.1", "driver", [](Examined& e) { e.machine.gpus = {"NVIDIA A100"}; }},
        {"terminal", CheckStatus::kSlower, "UTF-8", "LC_ALL", [](Examined& e) { e.utf8 = false; }},
        {"not built", CheckStatus::kMissing, "install them", "",
         [](Examined& e) { e.build.off = {"some part: install them"}; }},
    };
    for (const Case& c : cases) {
        Examined e = good_machine();
        c.spoil(e);
        const Check check = check_named(e, c.check);
        CAPTURE(c.check);
        CHECK_MESSAGE(check.status == c.status, check.reason);
        CHECK_MESSAGE(check.reason.find(c.reason) != std::string::npos, check.reason);
        CHECK_MESSAGE(check.fix.find(c.fix) != std::string::npos, check.fix);
    }
}

TEST_CASE("parts that are not built stand together where the same is to be done") {
    Examined e = good_machine();
    e.build.off = {"one: install A", "two: install B", "three: install A"};
    const std::vector<Check> checks = judge(e);
    CHECK(checks[checks.size() - 2].value == "one, three");
    CHECK(checks.back().value == "two");
}

TEST_CASE("doctor reports this machine, as a page and as one JSON document") {
    const Ended page = run_llmft({"doctor"});
    CHECK(page.code == 0);
    CHECK(page.err.empty());
    for (const char* word : {"processor", "kernels", "threads", "memory", "disk", "GFLOP/s", "GB/s"})
        CHECK_MESSAGE(page.out.find(word) != std::string::npos, word);
    const Ended quick = run_llmft({"doctor", "--measure", "false", "--json"}, {{"OMP_NUM_THREADS", "1"}});
    CHECK(quick.code == 0);
    const Json json = Json::parse(quick.out);
    CHECK(json["ok"] == true);
    CHECK(json["threads"] == 1);
    CHECK(json["gflops"]["f32"].is_null());
    CHECK(json["memory"]["bytes"].get<int64_t>() > 0);
    for (const Json& check : json["checks"]) {
        CHECK(check["name"].is_string());
        CHECK(check["status"].is_string());
    }
}

TEST_CASE("measured products are right and have a speed") {
    const ProductSpeed speed = measure_products(GemmEngine::kPortable, DType::kF32);
    CHECK(speed.gflops > 0);
    // f32 sums of 1024 exact products in order: each addition loses half an ulp of a sum below Σ|a·b|.
    CHECK(speed.worst_error <= 1024 * 0x1p-24);
    CHECK(measure_copy(int64_t{1} << 20) > 0);
}
