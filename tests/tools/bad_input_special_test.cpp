// Rows of the set of bad input that need more than a spoilt scene, and the variants that must pass.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "engine/io/file.h"
#include "engine/train/checkpoint_folder.h"
#include "tests/harness/paths.h"
#include "tests/harness/skip.h"
#include "tests/tools/bad_input/cases.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

}   // namespace

TEST_CASE("row 31: weights that shrink while they are read are TRUNC, without a signal") {
    Scene scene;
    // The rows come through a pipe, so that the program holds its weights open until they are here.
    fs::remove(scene.rows());
    REQUIRE(mkfifo(scene.rows().c_str(), 0600) == 0);
    Process process({.arguments = scene.arguments()});
    Descriptor rows;
    while (process.running() && !rows) {
        rows = Descriptor(open(scene.rows().c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        std::this_thread::yield();
    }
    REQUIRE(process.running());
    fs::resize_file(scene.weights(), fs::file_size(scene.weights()) / 2);
    const std::string text = token_rows(6, 12, 1);
    REQUIRE(write(rows.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    rows = Descriptor();
    const Ended ended = process.wait();
    CAPTURE(ended.err);
    CHECK(ended.code == 2);
    CHECK(ended.signal == 0);
    CHECK(ended.err.starts_with("llmft: error E-TRUNC: "));
    CHECK(ended.err.find("model.safetensors") != std::string::npos);
    CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
    CHECK(ended.out == "");
    CHECK_FALSE(fs::exists(scene.output()));
}

TEST_CASE("rows 66 and 68: lines that end with CRLF, and a last line that does not end, are read") {
    const std::string rows = token_rows(6, 12, 1);
    std::string crlf = rows, open_end = rows;
    for (size_t at = 0; (at = crlf.find('\n', at)) != std::string::npos; at += 2) crlf.insert(at, "\r");
    open_end.pop_back();
    std::string adapter;
    for (const std::string& text : {rows, crlf, open_end}) {
        Scene scene;
        put(scene.rows(), text);
        const Ended ended = scene.run();
        REQUIRE_MESSAGE(ended.code == 0, ended.err);
        if (adapter.empty()) adapter = scene.adapter();
        CHECK(scene.adapter() == adapter);
    }
}

TEST_CASE("row 75: an adapter's base_model_name_or_path is not followed, wherever it leads") {
    for (const char* base : {"../trap", "https://127.0.0.1:1/model", "/dev/zero"}) {
        CAPTURE(base);
        Scene scene;
        with_adapter(scene, "base_model_name_or_path", base);
        REQUIRE(mkfifo(scene.path("trap").c_str(), 0600) == 0);   // would hang whoever opens it
        const Ended ended = scene.run();
        CAPTURE(ended.err);
        CHECK(ended.code == 0);
    }
}

TEST_CASE("row 82: leftovers of a killed run are swept away, each with a line, and the run goes on") {
    Scene scene;
    for (const char* name : {".tmp-checkpoint-1-7", ".trash-checkpoint-1"}) {
        fs::create_directories(scene.output() / name);
        put(scene.output() / name / "adapter_model.safetensors", "half");
    }
    const Ended ended = scene.run();
    CAPTURE(ended.err);
    REQUIRE(ended.code == 0);
    for (const char* name : {".tmp-checkpoint-1-7", ".trash-checkpoint-1"}) {
        CHECK(ended.err.find(std::string(name) + ": left by a run that was killed") != std::string::npos);
        CHECK_FALSE(fs::exists(scene.output() / name));
    }
    CHECK(scene.adapter() != "half");
}

TEST_CASE("rows 76 and 77: --resume auto passes a damaged checkpoint over with one line; verify is HASH and exit 2") {
    const struct {
        const char* what;
        void (*damage)(const Path& checkpoint);
    } kDamages[] = {
        {"no manifest", [](const Path& c) { fs::remove(c / kManifestName); }},
        {"a cut manifest", [](const Path& c) { fs::resize_file(c / kManifestName, 100); }},
        {"a flipped bit in the manifest",
         [](const Path& c) {
             std::string bytes = bytes_of(c / kManifestName);
             bytes[bytes.size() / 2] ^= 1;
             put(c / kManifestName, bytes);
         }},
        {"no state", [](const Path& c) { fs::remove(c / "training_state.safetensors"); }},
        {"a short state", [](const Path& c) { fs::resize_file(c / "training_state.safetensors", 5000); }},
        {"a long state", [](const Path& c) { fs::resize_file(c / "training_state.safetensors", 500'000); }},
    };
    for (const auto& damage : kDamages) {
        CAPTURE(std::string(damage.what));
        Scene scene;
        scene.flag("--save-strategy", "steps");
        scene.flag("--save-steps", "1");
        REQUIRE(scene.run().code == 0);
        const std::string adapter = scene.adapter();
        damage.damage(checkpoint_path(scene.output(), 2));
        const Ended verified = run_llmft({"verify", checkpoint_path(scene.output(), 2)});
        CHECK(verified.code == 2);
        CHECK(verified.err.starts_with("llmft: error E-HASH: "));
        CHECK(verified.out == "");
        const Ended ended = scene.run();
        CAPTURE(ended.err);
        CHECK(ended.code == 0);
        const size_t line = ended.err.find("checkpoint-2 is skipped: ");
        CHECK(line != std::string::npos);
        CHECK(ended.err.find("is skipped", line + 20) == std::string::npos);
        CHECK(scene.adapter() == adapter);
    }
}

TEST_CASE("row 84: an output on a file system without writing is PATH and exit 2") {
    const Scene scene;
    const Path place = scene.path("read-only");
    fs::create_directory(place);
    const Path out = scene.path("stdout"), err = scene.path("stderr");
    constexpr int kCannotMount = 99;
    const std::string output = place / "out";
    std::vector<std::string> arguments = scene.arguments();
    for (size_t i = 0; i + 1 < arguments.size(); ++i)
        if (arguments[i] == "--output-dir") arguments[i + 1] = output;
    std::vector<char*> argv = {const_cast<char*>(program())};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("none", place.c_str(), "tmpfs", MS_RDONLY, nullptr) != 0)
            _exit(kCannotMount);
        dup2(open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
        dup2(open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
        execv(program(), argv.data());
        _exit(kCannotMount);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == kCannotMount) return skip("this machine does not let its user mount");
    CAPTURE(bytes_of(err));
    CHECK(WEXITSTATUS(status) == 2);
    CHECK(bytes_of(err).starts_with("llmft: error E-PATH: --output-dir: "));
    CHECK(bytes_of(out) == "");
}
