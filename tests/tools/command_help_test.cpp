// What is made of every command's table of options: completion scripts, the manual page, and --help itself.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "engine/log/columns.h"
#include "kernels/base/error.h"
#include "tests/harness/skip.h"
#include "tests/tools/e2e_scene.h"
#include "tools/completion.h"
#include "tools/man_page.h"

using namespace llmft;
using namespace llmft::test;

namespace {

std::vector<CommandHelp> toy_help() {
    CommandHelp train = {.name = "train", .summary = "fine-tunes a model's weights\nand more"};
    train.options = {{.name = "model",
                      .group = "model",
                      .help = "folder; or a file",
                      .value = "TEXT",
                      .form = OptionHelp::Form::kText},
                     {.name = "dtype",
                      .group = "model",
                      .help = "of it [all]: which",
                      .value = "f32|bf16",
                      .choices = {"f32", "bf16"},
                      .default_text = "f32"},
                     {.name = "lora-r", .group = "method", .help = "rank (low)", .value = "N", .default_text = "16"},
                     {.name = "report-to",
                      .group = "logging",
                      .help = "where: pages",
                      .value = "jsonl|html,...",
                      .choices = {"jsonl", "html"},
                      .form = OptionHelp::Form::kList},
                     {.name = "resume",
                      .group = "saving",
                      .help = "where to begin",
                      .value = "auto|never|PATH",
                      .choices = {"auto", "never"},
                      .form = OptionHelp::Form::kText}};
    const CommandHelp inspect = {.name = "inspect", .summary = "what something is"};
    CommandHelp data = {.name = "inspect data", .summary = "rows"};
    data.options = {{.name = "rows", .group = "data", .help = "how many", .value = "N"}};
    return {train, inspect, data};
}

int shell(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str());
}

// The words that bash offers for a line, through the script that the program prints.
std::string completed(const Path& script, const std::string& line) {
    Scene scene;
    const Path out = scene.path("words");
    std::system(fmt::format("bash -c 'compopt() {{ echo files; }}; . {}; COMP_WORDS=({}); "
                            "COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); _llmft; echo ${{COMPREPLY[@]}}' > {} 2>&1",
                            script.string(), line.ends_with(' ') ? line + "\"\"" : line, out.string())
                    .c_str());
    std::string text = bytes_of(out);
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

Path script_of(const Scene& scene, const std::string& shell_name) {
    const Ended ended = run_llmft({"completion", shell_name});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    put(scene.path("script"), ended.out);
    return scene.path("script");
}

std::vector<std::string> commands() {
    std::vector<std::string> names;
    std::istringstream lines(run_llmft({"--help"}).out);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("  ")) names.push_back(line.substr(2, line.find(' ', 2) - 2));
    return names;
}

}   // namespace

TEST_CASE("bash completes commands, options, values of few, and leaves other text to file names") {
    const Scene scene;
    const Path script = script_of(scene, "bash");
    CHECK(completed(script, "llmft tr") == "train ");
    CHECK(completed(script, "llmft ins") == "inspect ");
    CHECK(completed(script, "llmft train --lora-al") == "--lora-alpha ");
    CHECK(completed(script, "llmft train --lr-scheduler-type cosine_w").find("cosine_with") != std::string::npos);
    CHECK(completed(script, "llmft train --portable ") == "true false ");
    CHECK(completed(script, "llmft train --method q") == "qlora ");
    CHECK(completed(script, "llmft train --dataset-format ") == "auto text prompt_completion tokens ");
    CHECK(completed(script, "llmft train --resume n") == "files never ");
    CHECK(completed(script, "llmft train --report-to h") == "html ");
    CHECK(completed(script, "llmft train --report-to jsonl,t") == "jsonl,tensorboard ");
    CHECK(completed(script, "llmft eval --metric perplexity,ex") == "perplexity,exact_match ");
    CHECK(completed(script, "llmft train --device ") == "auto cpu ");   // not what is refused
    CHECK(completed(script, "llmft completion z") == "files zsh ");
    CHECK(completed(script, "llmft help quan") == "quantize ");
    CHECK(completed(script, "llmft train --model ") == "files  ");
    CHECK(completed(script, "llmft train --lora-r ") == " ");
    CHECK(completed(script, "llmft inspect de") == "files decode ");
    CHECK(completed(script, "llmft inspect --val") == "--values ");
    CHECK(completed(script, "llmft inspect data --max-seq") == "--max-seq-length ");
    CHECK(completed(script, "llmft inspect data --values ") == "files  ");
}

TEST_CASE("zsh and fish take the scripts") {
    const Scene scene;
    struct {
        const char *shell, *check;
    } const shells[] = {{"zsh", "zsh -n {}"}, {"fish", "fish --no-execute {}"}};
    for (const auto& [name, check] : shells) {
        const Path script = script_of(scene, name);
        if (shell(fmt::format("command -v {}", name)) != 0) {
            skip(fmt::format("no {}", name));
            continue;
        }
        CHECK(shell(fmt::format(fmt::runtime(check), script.string())) == 0);
    }
}

TEST_CASE("a script quotes what helps say") {
    const std::string zsh = completion_script("zsh", toy_help()), fish = completion_script("fish", toy_help());
    CHECK(zsh.find("'train:fine-tunes a model'\\''s weights'") != std::string::npos);
    CHECK(zsh.find("'--dtype[of it \\[all\\]\\: which]:value:(f32 bf16)'") != std::string::npos);
    CHECK(zsh.find("'--lora-r[rank]:N:'") != std::string::npos);
    CHECK(zsh.find("'--report-to[where\\: pages]:value:_sequence compadd - jsonl html'") != std::string::npos);
    CHECK(zsh.find("'--resume[where to begin]:value:{ compadd auto never; _files }'") != std::string::npos);
    CHECK(fish.find("-l resume -r -F -a 'auto never'") != std::string::npos);
    CHECK(fish.find("-l lora-r -x -d 'rank'") != std::string::npos);
    CHECK(zsh.find("'--model[folder]:TEXT:_files'") != std::string::npos);
    CHECK(fish.find("-a train -d 'fine-tunes a model\\'s weights'") != std::string::npos);
    CHECK(fish.find("-l dtype -x -a 'f32 bf16'") != std::string::npos);
    CHECK(fish.find("from inspect; and not __fish_seen_subcommand_from data' -a 'data'") != std::string::npos);
    CHECK(fish.find("from inspect; and __fish_seen_subcommand_from data' -l rows") != std::string::npos);
    CHECK(zsh.find("'1:what:{ compadd data; _files }'") != std::string::npos);
    CHECK_THROWS_WITH_AS(completion_script("tcsh", toy_help()), doctest::Contains("bash, zsh, fish"), UserError);
}

TEST_CASE("the manual page names every command, option and exit code, and man reads it without a warning") {
    const Ended ended = run_llmft({"man"});
    REQUIRE_MESSAGE(ended.code == 0, ended.err);
    for (const std::string& command : commands()) {
        CAPTURE(command);
        CHECK(ended.out.find(".SS llmft " + command + "\n") != std::string::npos);
    }
    CHECK(ended.out.find(".SS llmft inspect data\n") != std::string::npos);
    CHECK(ended.out.find("\\fB\\-\\-lora\\-alpha\\fR \\fIX\\fR") != std::string::npos);
    for (const char* code : {"0", "2", "3", "4", "5", "6", "70", "75"})
        CHECK(ended.out.find(fmt::format(".TP\n\\fB{}\\fR\n", code)) != std::string::npos);
    CHECK(std::all_of(ended.out.begin(), ended.out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
    const Scene scene;
    put(scene.path("llmft.1"), ended.out);
    if (shell("command -v man && command -v groff") != 0) return skip("no man");
    const std::string page = scene.path("llmft.1").string(), said = scene.path("said").string();
    CHECK(std::system(
              fmt::format("LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l {} >/dev/null 2>{}", page, said).c_str()) == 0);
    CHECK(bytes_of(said) == "");
}

TEST_CASE("text for troff is text, whatever it begins with") {
    CHECK(troff_text(".TH x") == "\\&.TH x");
    CHECK(troff_text("'x\\y-z") == "\\&'x\\ey\\-z");
    CHECK(troff_text("a → b") == "a \\[u2192] b");
    CHECK(troff_text("") == "");
}

TEST_CASE("a group of options has its name once in the manual page") {
    const std::string page = man_page("1", toy_help());
    CHECK(page.find(".PP\n\\fImodel\\fR\n.TP\n\\fB\\-\\-model\\fR") != std::string::npos);
    CHECK(page.find("of it [all]: which (default: f32)") != std::string::npos);
    CHECK(page.find("\\fImodel\\fR", page.find("\\fImodel\\fR\n") + 1) == std::string::npos);
}

TEST_CASE("help has the options by group with their defaults, in eighty columns") {
    for (const std::string& command : commands()) {
        CAPTURE(command);
        const Ended ended = run_llmft({command, "--help"});
        CHECK(ended.code == 0);
        CHECK(ended.err == "");
        std::istringstream lines(ended.out);
        for (std::string line; std::getline(lines, line);) {
            CAPTURE(line);
            CHECK(terminal_columns_of(line) <= 80);
        }
    }
    const std::string help = run_llmft({"train", "--help"}).out;
    CHECK(help.find("(default: 0.9)") != std::string::npos);
    CHECK(help.find("schedule:") != std::string::npos);
}
