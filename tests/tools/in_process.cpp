#include "tests/tools/in_process.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "engine/log/log.h"
#include "kernels/base/parallel.h"
#include "tools/cmd.h"
#include "tools/commands.h"
#include "tools/little_memory.h"

namespace llmft::test {
namespace {

constexpr Command kCommands[] = {
    {"train", "", cmd_train},       {"plan", "", cmd_plan},     {"eval", "", cmd_eval},
    {"generate", "", cmd_generate}, {"merge", "", cmd_merge},   {"quantize", "", cmd_quantize},
    {"inspect", "", cmd_inspect},   {"verify", "", cmd_verify},
};

std::string contents(std::FILE* file) {
    std::string text;
    std::rewind(file);
    char part[4096];
    for (size_t got; (got = std::fread(part, 1, sizeof part, file)) > 0;) text.append(part, got);
    return text;
}

}   // namespace

InProcess::InProcess()
    : out_(std::tmpfile()),
      err_(std::tmpfile()),
      kept_(static_cast<int64_t*>(
          mmap(nullptr, sizeof *kept_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}

InProcess::~InProcess() {
    munmap(kept_, sizeof *kept_);
    std::fclose(out_);
    std::fclose(err_);
}

void InProcess::begin() {
    std::fflush(stdout);
    for (std::FILE* file : {out_, err_}) {
        std::rewind(file);
        if (ftruncate(fileno(file), 0) != 0) std::perror("ftruncate");
    }
    old_out_ = dup(STDOUT_FILENO);
    old_err_ = dup(STDERR_FILENO);
    dup2(fileno(out_), STDOUT_FILENO);
    dup2(fileno(err_), STDERR_FILENO);
    log::hold();
}

Ended InProcess::run(const std::vector<std::string>& arguments) {
    begin();
    return end(run_command(kCommands, arguments), 0);
}

Ended InProcess::run_failing(const std::vector<std::string>& arguments, int64_t n, Failing failing) {
    set_thread_count(1);   // a thread in the middle of something would be missing in the child
    begin();
    *kept_ = 0;
    const pid_t child = fork();
    if (child == 0) {
        set_thread_count(2);
        prepare_for_little_memory();
        const int64_t before = live_bytes();
        int code = 0;
        {
            const FailingAllocation failure(n, failing);
            code = run_command(kCommands, arguments);
        }
        std::fflush(stdout);
        *kept_ = live_bytes() - before;
        _exit(code);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return end(WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

Ended InProcess::end(int code, int signal) {
    std::fflush(stdout);
    dup2(old_out_, STDOUT_FILENO);
    dup2(old_err_, STDERR_FILENO);
    close(old_out_);
    close(old_err_);
    return {.code = code, .signal = signal, .out = contents(out_), .err = contents(err_)};
}

}   // namespace llmft::test
