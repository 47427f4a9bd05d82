// What interrupts a run from outside: requests to stop at awkward moments, and standard streams that nobody reads.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "tests/harness/paths.h"
#include "tests/tools/e2e_scene.h"
#include "tools/command_line.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

void await_steps(Process& process, const Scene& scene, size_t steps) {
    while (process.running() && Scene::lines(scene.output() / "metrics.jsonl").size() < steps)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

std::vector<double> losses_of(const Scene& scene) {
    std::vector<double> losses;
    for (const Json& line : scene.metrics()) {
        losses.push_back(line.at("loss"));
        if (line.contains("eval_loss")) losses.push_back(line.at("eval_loss"));
    }
    return losses;
}

// The run as a shell starts it, with `redirections` behind it; its exit code.
int code_of(const Scene& scene, const std::string& before, const std::string& redirections) {
    std::string line = program();
    for (const std::string& word : scene.arguments()) line += " " + shell_word(word);
    const std::string script = fmt::format("{}{} {}; exit ${{PIPESTATUS[0]}}", before, line, redirections);
    return WEXITSTATUS(std::system(fmt::format("bash -c {}", shell_word(script)).c_str()));
}

}   // namespace

TEST_CASE("stopped inside an evaluation after which it saves, a run goes on and ends as the unbroken one") {
    for (const char* strategy : {"steps", "best"}) {
        Scene scene;
        put(scene.path("held.jsonl"), token_rows(1000, 100, 2));
        scene.flag("--eval-dataset", scene.path("held.jsonl"));
        scene.flag("--eval-strategy", "steps");
        scene.flag("--eval-steps", "2");
        scene.flag("--save-strategy", strategy);
        scene.flag("--save-steps", "2");
        scene.flag("--save-total-limit", "1");
        scene.flag("--max-steps", "4");
        REQUIRE(scene.run().code == 0);
        const std::string adapter = scene.adapter();
        const std::vector<double> losses = losses_of(scene);
        fs::remove_all(scene.output());
        {
            Process process({.arguments = scene.arguments()});
            await_steps(process, scene, 1);
            std::this_thread::sleep_for(std::chrono::milliseconds(20));   // the second step's evaluation takes longer
            process.send(SIGTERM);
            const Ended stopped = process.wait();
            CHECK(stopped.code == 75);
            CHECK(stopped.out.find("after step 2") != std::string::npos);
            CHECK(scene.metrics().size() == 1);
        }
        const Ended ended = scene.run();
        CHECK_MESSAGE(ended.code == 0, ended.err);
        CHECK((scene.adapter() == adapter));
        CHECK(losses_of(scene) == losses);
    }
}

TEST_CASE("a run whose stderr nobody reads any more saves when it is stopped") {
    for (const int signal : {SIGINT, SIGHUP}) {
        Scene scene;
        put(scene.rows(), token_rows(8, 120, 1));
        scene.flag("--max-steps", "1000000");
        scene.flag("--logging-steps", "1");
        Process process({.arguments = scene.arguments(), .err = Launch::Err::kBrokenPipe});
        await_steps(process, scene, 3);
        process.send(signal);
        const Ended ended = process.wait();
        CHECK(ended.code == 75);
        CHECK(fs::exists(scene.output() / ("checkpoint-" + std::to_string(scene.metrics().size()))));
    }
}

TEST_CASE("a standard stream that is full, closed or broken costs a run nothing but what it prints") {
    for (const char* redirections : {"2>/dev/full >/dev/null", "2>&- >/dev/null", "<&- 2>&- >/dev/null", "<&- >&- 2>&-",
                                     "2>&1 >/dev/null | true"}) {
        CAPTURE(redirections);
        Scene scene;
        scene.flag("--max-steps", "30");
        scene.flag("--logging-steps", "1");
        CHECK(code_of(scene, "", redirections) == 0);
        CHECK(scene.metrics().size() == 30);   // each line parsed
        CHECK(run_llmft({"verify", scene.output()}).code == 0);
    }
}

TEST_CASE("a file beyond the process's limit is exit 3 and a DISK line, and nothing half-written") {
    Scene scene;
    scene.flag("--max-steps", "2");
    scene.flag("--save-strategy", "steps");
    scene.flag("--save-steps", "1");
    CHECK(code_of(scene, "ulimit -f 40; ", fmt::format("2>{}", shell_word(scene.path("said")))) == 3);
    const std::string said = bytes_of(scene.path("said"));
    CAPTURE(said);
    CHECK(said.find("llmft: error E-DISK: ") != std::string::npos);
    CHECK(said.find("File too large") != std::string::npos);
    for (const auto& entry : fs::directory_iterator(scene.output()))
        CHECK_FALSE(entry.path().filename().native().starts_with(".tmp-"));
}
