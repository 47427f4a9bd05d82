// The real program with less memory than it wants: by its own limit, and by the machine's.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "tests/harness/paths.h"
#include "tests/harness/sanitizers.h"
#include "tests/harness/skip.h"
#include "tests/tools/e2e_scene.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

constexpr bool kCanLimitMemory = !kSanitized;   // shadow memory takes address space

// llmft with at most so many bytes of address space.
Ended run_within(const Scene& scene, std::vector<std::string> arguments, rlim_t bytes) {
    const Path out = scene.path("stdout"), err = scene.path("stderr");
    std::vector<char*> argv = {const_cast<char*>(program())};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        dup2(open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
        dup2(open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
        const rlimit limit = {bytes, bytes};
        setrlimit(RLIMIT_AS, &limit);
        execv(program(), argv.data());
        _exit(126);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
            .out = bytes_of(out),
            .err = bytes_of(err)};
}

void expect_memory_line(const Ended& ended) {
    CHECK(ended.err.starts_with("llmft: error E-MEMORY: "));
    CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
    CHECK(ended.err.size() <= 401);
}

}   // namespace

TEST_CASE("--memory-limit of the plan is enough, and of a byte less is exit 3, names what is largest, writes nothing") {
    Scene scene;
    scene.flag("--gradient-checkpointing", "none");
    scene.flag("--tokens-per-microbatch", "24");
    std::vector<std::string> plan = scene.arguments();
    plan[0] = "plan";
    plan.insert(plan.end(), {"--json", "true"});
    for (auto it = plan.begin(); it != plan.end();) it = *it == "--output-dir" ? plan.erase(it, it + 2) : it + 1;
    const Ended planned = run_llmft(plan);
    REQUIRE_MESSAGE(planned.code == 0, planned.err);
    const int64_t peak = Json::parse(planned.out).at("peak_bytes").get<int64_t>();
    scene.flag("--memory-limit", std::to_string(peak - 1));
    const Ended refused = scene.run();
    CHECK(refused.code == 3);
    expect_memory_line(refused);
    CHECK(refused.err.find("largest: ") != std::string::npos);
    CHECK(refused.out == "");
    CHECK_FALSE(fs::exists(scene.output()));
    scene.flag("--memory-limit", std::to_string(peak));
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    CHECK(ended.code == 0);
}

TEST_CASE("less address space than a run needs is exit 3 and a MEMORY line, and no result, however little it is") {
    if (!kCanLimitMemory) return skip("sanitizers take address space of their own");
    Scene scene;
    constexpr rlim_t kMiB = rlim_t{1} << 20;
    int refused = 0, done = 0, not_started = 0;
    for (rlim_t mib = 16; mib <= 1024 && done < 2; mib += mib < 128 ? 3 : mib / 16) {
        CAPTURE(mib);
        fs::remove_all(scene.output());
        const Ended ended = run_within(scene, scene.arguments(), mib * kMiB);
        CAPTURE(ended.err);
        CHECK(ended.signal == 0);
        const bool before_main = ended.code == 127 || ended.code == 126 || ended.signal != 0;
        if (before_main) {
            CHECK(done + refused == 0);
            ++not_started;
        } else if (ended.code == 0) {
            ++done;
            CHECK(fs::exists(scene.output() / "adapter_model.safetensors"));
        } else {
            CHECK(ended.code == 3);
            // What the kernels take beside the arena is asked for in the first step, behind the run's first words.
            const size_t last = ended.err.rfind('\n', ended.err.size() - 2) + 1;
            expect_memory_line({.code = 3, .signal = 0, .out = "", .err = ended.err.substr(last)});
            CHECK_FALSE(fs::exists(scene.output() / "adapter_model.safetensors"));
            CHECK_FALSE(fs::exists(scene.output() / "adapter_config.json"));
            CHECK((last == 0) == !fs::exists(scene.output()));
            ++refused;
        }
    }
    CHECK(refused > 0);
    CHECK(done > 0);
    std::printf("address space: %d not started, %d refused, %d done\n", not_started, refused, done);
}
