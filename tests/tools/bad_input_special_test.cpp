// Rows of the set of bad input that need more than a spoilt scene, and the variants that must pass.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <thread>

#include "engine/io/file.h"
#include "engine/train/checkpoint_folder.h"
#include "tests/engine/safetensors_bytes.h"
#include "tests/harness/paths.h"
#include "tests/harness/skip.h"
#include "tests/tools/bad_input/cases.h"

using namespace llmft;
using namespace llmft::test;

namespace {

namespace fs = std::filesystem;

// The scene's run in a child that first prepares itself; nothing where it may not.
std::optional<Ended> run_after(const Scene& scene, const std::function<bool()>& prepare) {
    constexpr int kMayNot = 99;
    const Path out = scene.path("stdout"), err = scene.path("stderr");
    std::vector<std::string> arguments = scene.arguments();
    std::vector<char*> argv = {const_cast<char*>(program())};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        const int to_out = open(out.c_str(), O_WRONLY | O_CREAT, 0600);
        const int to_err = open(err.c_str(), O_WRONLY | O_CREAT, 0600);
        if (!prepare()) _exit(kMayNot);
        dup2(to_out, STDOUT_FILENO);
        dup2(to_err, STDERR_FILENO);
        execv(program(), argv.data());
        _exit(kMayNot);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == kMayNot) return std::nullopt;
    return Ended{.code = WEXITSTATUS(status), .signal = 0, .out = bytes_of(out), .err = bytes_of(err)};
}

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

TEST_CASE("row 72: an adapter of a rank beyond the hidden size is RANGE to every command") {
    Scene scene;
    scene.make_adapter();
    const std::string module = "base_model.model.model.layers.0.self_attn.q_proj.";
    constexpr int64_t kFactorBytes = 64 * 48 * 4;
    const auto factor = [&](const char* name, const char* shape, int64_t first) {
        return tensor_entry(module + name, "F32", shape, fmt::format("[{},{}]", first, first + kFactorBytes));
    };
    put(scene.path("adapter") / "adapter_model.safetensors",
        container(
            "{" + factor("lora_A.weight", "[64,48]", 0) + "," + factor("lora_B.weight", "[48,64]", kFactorBytes) + "}",
            2 * kFactorBytes));
    scene.adapter_config("r", 64);
    scene.adapter_config("target_modules", {"q_proj"});
    scene.adapter_config("layers_to_transform", {0});
    const std::string model = scene.model(), adapter = scene.path("adapter"), rows = scene.rows();
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"train", "--model", model, "--dataset", rows, "--adapter", adapter, "--output-dir",
                                   scene.output()},
          {"eval", "--model", model, "--dataset", rows, "--adapter", adapter},
          {"merge", "--model", model, "--adapter", adapter, "--output", scene.output()}}) {
        const Ended ended = run_llmft(command);
        CAPTURE(ended.err);
        CHECK(ended.code == 2);
        expect_one_line(ended.err, "RANGE", "adapter_config.json: r");
        CHECK_FALSE(fs::exists(scene.output()));
    }
    const Ended inspected = run_llmft({"inspect", adapter, "--model", model});
    CHECK(inspected.code == 0);
    CHECK(inspected.out.find("more than the hidden size 48") != std::string::npos);
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

TEST_CASE("row 33: a file without permission to read is MISSING, whichever it is") {
    for (const char* name : {"model/model.safetensors", "model/config.json", "rows.jsonl"}) {
        CAPTURE(std::string(name));
        const Scene scene;
        fs::permissions(scene.path(""), fs::perms(0755));
        fs::permissions(scene.path(name), fs::perms::none);
        constexpr uid_t kNobody = 65534;   // root may read everything
        const auto ended = run_after(scene, [] { return geteuid() != 0 || setuid(kNobody) == 0; });
        if (!ended) return skip("nobody else may run the program here");
        CAPTURE(ended->err);
        CHECK(ended->code == 2);
        expect_one_line(ended->err, "MISSING", name);
        CHECK(ended->out == "");
    }
}

TEST_CASE("row 84: an output on a file system without writing is PATH and exit 2") {
    Scene scene;
    const Path place = scene.path("read-only");
    fs::create_directory(place);
    scene.flag("--output-dir", place / "out");
    const auto ended = run_after(scene, [&] {
        return unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               mount("none", place.c_str(), "tmpfs", MS_RDONLY, nullptr) == 0;
    });
    if (!ended) return skip("this machine does not let its user mount");
    CAPTURE(ended->err);
    CHECK(ended->code == 2);
    expect_one_line(ended->err, "PATH", "--output-dir");
    CHECK(ended->out == "");
}
