#include "tools/commands.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <new>
#include <sstream>

#include "engine/log/log.h"
#include "kernels/base/error.h"

using namespace llmft;

namespace {

struct Outcome {
    int code = -1;
    std::string out, err;
};

std::string contents(std::FILE* file) {
    std::string text(1 << 16, '\0');
    std::rewind(file);
    text.resize(std::fread(text.data(), 1, text.size(), file));
    return text;
}

// What `act` returns and writes to the two streams.
Outcome capture(const std::function<int()>& act) {
    std::fflush(stdout);
    const int out = dup(1), err = dup(2);
    std::FILE* const out_file = std::tmpfile();
    std::FILE* const err_file = std::tmpfile();
    dup2(fileno(out_file), 1);
    dup2(fileno(err_file), 2);
    log::hold();
    Outcome outcome{.code = act(), .out = "", .err = ""};
    std::fflush(stdout);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    outcome.out = contents(out_file);
    outcome.err = contents(err_file);
    std::fclose(out_file);
    std::fclose(err_file);
    return outcome;
}

std::function<int()> act;        // what the command "train" does
std::vector<std::string> said;   // its arguments

int train(const std::vector<std::string>& arguments) {
    said = arguments;
    if (!arguments.empty()) return static_cast<int>(arguments.size());
    return act();
}

constexpr Command kToy[] = {{.name = "train", .help = "fine-tunes a model", .run = train},
                            {.name = "plan", .help = "starts nothing", .run = train}};

Outcome run(const std::vector<std::string>& arguments) {
    return capture([&] { return run_command(kToy, arguments); });
}

template <class E>
Outcome run_throwing(const E& error) {
    act = [&]() -> int { throw error; };
    return run({"train"});
}

}   // namespace

TEST_CASE("a command gets what stands behind its name, and its code is the program's") {
    CHECK(run({"train", "a", "b"}).code == 2);
    CHECK(run({"plan", "--help", "b", "c"}).code == 3);
}

TEST_CASE("without a command, and with --help, the table of commands is on stdout") {
    using Words = std::vector<std::string>;
    for (const Words& arguments : {Words{}, Words{"--help"}, Words{"help"}, Words{"help", "help"}}) {
        const Outcome outcome = run(arguments);
        CHECK(outcome.code == 0);
        CHECK(outcome.err == "");
        CHECK(outcome.out.find("train      fine-tunes a model\n") != std::string::npos);
        CHECK(outcome.out.find("plan       starts nothing\n") != std::string::npos);
    }
    CHECK(run({"--version"}).out.starts_with("llmft "));
}

TEST_CASE("an unknown command is refused with the nearest one") {
    const Outcome outcome = run({"trian", "--model", "x"});
    CHECK(outcome.code == 2);
    CHECK(outcome.out == "");
    CHECK(outcome.err == "llmft: error E-USAGE: \"trian\": unknown command; did you mean llmft train?\n");
    CHECK(run({"--model"}).err ==
          "llmft: error E-USAGE: \"--model\": unknown option; llmft --help lists the commands\n");
    CHECK(run({""}).code == 2);
}

TEST_CASE("a command of a later version is refused as that, with no other name") {
    CHECK(run({"serve"}).err ==
          "llmft: error E-USAGE: \"serve\": this version does not have it yet; llmft --help lists the commands\n");
    CHECK(run({"surve"}).err.ends_with("unknown command; llmft --help lists the commands\n"));
}

TEST_CASE("help COMMAND is COMMAND --help") {
    said.clear();
    CHECK(run({"help", "train", "part"}).code == 2);
    CHECK(said == std::vector<std::string>{"part", "--help"});
    CHECK(run({"help", "trian"}).err.ends_with("did you mean llmft train?\n"));
}

TEST_CASE("every kind of exception is one line and its exit code") {
    const auto is = [](const Outcome& outcome, int code, const std::string& start) {
        CHECK(outcome.code == code);
        CHECK(outcome.err.starts_with("llmft: error " + start));
        CHECK(outcome.err.find('\n') == outcome.err.size() - 1);
        CHECK(outcome.out == "");
    };
    is(run_throwing(UserError("SHAPE", "a.safetensors", "w", "is\nwrong", "fix it")), 2,
       "E-SHAPE: a.safetensors: w: is\\nwrong; fix it\n");
    is(run_throwing(OutOfMemory("arena: too small")), 3, "E-MEMORY: arena: too small\n");
    is(run_throwing(DiskFull("x")), 3, "E-DISK: x\n");
    is(run_throwing(std::bad_alloc()), 3, "E-MEMORY: ");
    is(run_throwing(NumericalError("loss")), 4, "E-NUMBER: loss\n");
    is(run_throwing(DeviceError("gone")), 6, "E-DEVICE: gone\n");
    is(run_throwing(InternalError("op: w")), 70, "E-BUG: op: w; this is a bug of llmft, please report");
    is(run_throwing(std::logic_error("at")), 70, "E-BUG: at; this is a bug of llmft, please report");
    is(run_throwing(7), 70, "E-BUG: ");
    const auto system = [](std::errc code) {
        return std::filesystem::filesystem_error("f", "/x", std::make_error_code(code));
    };
    is(run_throwing(system(std::errc::no_space_on_device)), 3, "E-DISK: /x: ");
    is(run_throwing(system(std::errc::permission_denied)), 2, "E-PATH: /x: ");
}

TEST_CASE("notes before an error of input or memory are dropped, and appear once in every other case") {
    const auto noting = [](const std::function<int()>& end) {
        act = [end] {
            for (int i = 0; i < 2; ++i) log::warn("odd\nthing");
            return end();
        };
        return run({"train"});
    };
    const std::string warning = "llmft: warning: odd\\nthing\n";
    CHECK(noting([]() -> int { throw UserError("DATA", "f", "", "bad", ""); }).err == "llmft: error E-DATA: f: bad\n");
    CHECK(noting([]() -> int { throw OutOfMemory("m"); }).err == "llmft: error E-MEMORY: m\n");
    CHECK(noting([]() -> int { throw DeviceError("d"); }).err == warning + "llmft: error E-DEVICE: d\n");
    CHECK(noting([] { return 0; }).err == warning);
    const Outcome released = noting([]() -> int {
        log::release();
        log::note("working");
        throw UserError("DATA", "f", "", "bad", "");
    });
    CHECK(released.err == warning + "llmft: note: working\nllmft: error E-DATA: f: bad\n");
}

TEST_CASE("results that could not be written to stdout are an error") {
    act = [] {
        std::FILE* const full = std::fopen("/dev/full", "w");
        dup2(fileno(full), 1);
        std::fclose(full);
        std::puts("result");
        return 0;
    };
    const Outcome outcome = run({"train"});
    std::clearerr(stdout);
    CHECK(outcome.code == 3);
    CHECK(outcome.err.starts_with("llmft: error E-DISK: stdout: "));
}
