#include "tests/tools/process.h"
#include "tests/harness/paths.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <sstream>
#include <thread>

namespace llmft::test {
namespace {

std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (std::string& s : strings) result.push_back(s.data());
    result.push_back(nullptr);
    return result;
}

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& changes) {
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        bool changed = false;
        for (const auto& [name, value] : changes) changed = changed || text.starts_with(name + "=");
        if (!changed) all.push_back(text);
    }
    for (const auto& [name, value] : changes) all.push_back(name + "=" + value);
    return all;
}

constexpr auto kPause = std::chrono::milliseconds(2);
constexpr auto kPatience = std::chrono::minutes(5);

}   // namespace

Process::Process(const Launch& launch) {
    std::vector<std::string> arguments = {program()};
    arguments.insert(arguments.end(), launch.arguments.begin(), launch.arguments.end());
    std::vector<std::string> environment = environment_with(launch.environment);
    const std::string out = streams_.path() / "out", err = streams_.path() / "err";
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    const std::string in = streams_.write("in", launch.input);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, in.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int ends[2] = {-1, -1};
    if (launch.err == Launch::Err::kBrokenPipe && pipe2(ends, O_CLOEXEC) == 0) {
        close(ends[0]);
        posix_spawn_file_actions_adddup2(&files, ends[1], STDERR_FILENO);
    }
    // Whatever this process ignores (nohup: SIGHUP), the child begins as from a terminal.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    const int error =
        posix_spawn(&pid_, program(), &files, &attributes, pointers(arguments).data(), pointers(environment).data());
    if (ends[1] >= 0) close(ends[1]);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (error != 0) throw std::runtime_error(std::string("cannot start ") + program());
}

Process::~Process() {
    if (over_) return;
    kill(pid_, SIGKILL);
    ended(0);
}

bool Process::ended(int flags) {
    if (!over_) over_ = waitpid(pid_, &status_, flags) == pid_;
    return over_;
}

void Process::send(int signal) const {
    kill(pid_, signal);
}

bool Process::running() {
    return !ended(WNOHANG);
}

Ended Process::wait() {
    const auto limit = std::chrono::steady_clock::now() + kPatience;
    while (running()) {
        if (std::chrono::steady_clock::now() > limit) {
            send(SIGKILL);
            ended(0);
        }
        std::this_thread::sleep_for(kPause);
    }
    return {.code = WIFEXITED(status_) ? WEXITSTATUS(status_) : -1,
            .signal = WIFSIGNALED(status_) ? WTERMSIG(status_) : 0,
            .out = contents(streams_.path() / "out"),
            .err = contents(streams_.path() / "err")};
}

Ended run_llmft(const std::vector<std::string>& arguments,
                const std::vector<std::pair<std::string, std::string>>& environment) {
    return Process({.arguments = arguments, .environment = environment}).wait();
}

}   // namespace llmft::test
