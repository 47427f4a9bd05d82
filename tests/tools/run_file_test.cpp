#include "tools/run_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

#include "tests/tools/one_line.h"
#include "tests/tools/toy_options.h"
#include "tools/flags.h"

using namespace llmft;
using namespace llmft::test;

namespace {

class File {
public:
    explicit File(const std::string& text)
        : path_(std::filesystem::temp_directory_path() / ("llmft-run-file-" + std::to_string(getpid()))) {
        std::ofstream(path_, std::ios::binary) << text;
    }
    ~File() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    const std::string& name() const { return path_.native(); }

private:
    std::filesystem::path path_;
};

struct Toy {
    ToySchedule schedule;
    ToyData data;
    Flags flags{"train", "fine-tunes a model"};

    explicit Toy(const std::vector<std::string>& arguments) {
        flags.add(schedule);
        flags.add(data);
        flags.parse(arguments);
    }
};

// The error of a run file with this text, the file's name replaced by "run.toml".
std::string file_error(const std::string& text) {
    const File file(text);
    std::string line = error_of([&] { Toy({"--config", file.name()}); });
    if (const size_t at = line.find(file.name()); at != std::string::npos)
        line.replace(at, file.name().size(), "run.toml");
    return line;
}

}   // namespace

TEST_CASE("what a run used comes back equal from its run file") {
    const Toy first({"--learning-rate", "0.1", "--warmup-ratio", "0.30000000000000004", "--max-steps",
                     "9007199254740993", "--use-dora", "--shuffle=false", "--prompt",
                     "a \"b\" \\ \x01\x7f\t\n\xc3\xa9 # c", "--dataset", "a.jsonl,b.jsonl"});
    const File file(first.flags.run_file());
    const Toy second({"--config", file.name()});
    CHECK(second.schedule == first.schedule);
    CHECK(second.data == first.data);
    CHECK(second.flags.run_file() == first.flags.run_file());
}

TEST_CASE("doubles survive the run file bit for bit") {
    for (const double value :
         {1e-5, 5e-324, 1.7976931348623157e308, 1e22, 1e23, 0x1.fffffffffffffp-3, 100.0, 123456789012345680.0}) {
        Toy first({});
        first.schedule.learning_rate = value;
        const File file(first.flags.run_file());
        CHECK(Toy({"--config", file.name()}).schedule.learning_rate == value);
    }
}

TEST_CASE("flags win over the run file, and the run file over defaults") {
    const File file("learning_rate = 1\nnum_train_epochs = 5\ndataset = [\"a\", \"b\"]\nprompt = \"\"");
    const Toy toy({"--num-train-epochs", "7", "--config", file.name()});
    CHECK(toy.schedule.learning_rate == 1);
    CHECK(toy.schedule.epochs == 7);
    CHECK(toy.data.dataset == "a,b");
    CHECK(toy.data.prompt == "");
    CHECK(toy.flags.given("learning-rate"));
}

TEST_CASE("an unknown key is refused with its line and the nearest key") {
    CHECK(file_error("# c\n\nlearnig_rate = 1") ==
          "llmft: error E-EXTRA: run.toml: line 3: learnig_rate: unknown key; did you mean learning_rate?");
    CHECK(file_error("learning-rate = 1") ==
          "llmft: error E-EXTRA: run.toml: line 1: learning-rate: unknown key; did you mean learning_rate?");
    CHECK(file_error("[train]\nshuffle = true")
              .starts_with("llmft: error E-EXTRA: run.toml: line 1: train: unknown key; "));
    CHECK(file_error("config = \"other.toml\"").starts_with("llmft: error E-EXTRA: run.toml: line 1: config: "));
}

TEST_CASE("a key is found by other names as flags are, and one of a later version is refused as that") {
    CHECK(file_error("lr = 1") ==
          "llmft: error E-EXTRA: run.toml: line 1: lr: unknown key; did you mean learning_rate?");
    CHECK(file_error("epochs = 1").ends_with("did you mean num_train_epochs?"));
    CHECK(file_error("\nloss_type = \"x\"") ==
          "llmft: error E-EXTRA: run.toml: line 2: loss_type: this version does not have it yet; remove the line");
    CHECK(file_error("start = \"pissa\"")
              .starts_with("llmft: error E-VALUE: run.toml: line 1: start: \"pissa\": this version does not have it"));
}

TEST_CASE("options of others are passed over, and nothing else is") {
    std::string name;
    std::vector<Option> options = {{.name = "config", .group = "", .help = "", .target = &name},
                                   {.name = "model", .group = "", .help = "", .target = &name}};
    const File file("lora_r = 3\nmodel = \"m\"\nlora_alpha = \"not looked at\"");
    read_run_file(file.name(), options, {"lora-r", "lora-alpha", "model"});
    CHECK(name == "m");
    CHECK(error_of([&] { read_run_file(file.name(), options, {"lora-r"}); }).find("line 3: lora_alpha: unknown key") !=
          std::string::npos);
    const File kebab("lora-r = 3");
    CHECK(error_of([&] { read_run_file(kebab.name(), options, {"lora-r"}); }).find("unknown key") != std::string::npos);
}

TEST_CASE("text that may be true, or a whole number, is taken as TOML has it") {
    const auto read = [](const std::string& text) {
        const File file(text);
        return Toy({"--config", file.name()}).data;
    };
    CHECK(read("start = false").start == "false");
    CHECK(read("start = true").start == "true");
    CHECK(read("start = \"gaussian\"").start == "gaussian");
    CHECK(read("layers = 0").layers == "0");
    CHECK(read("layers = [0, 11]").layers == "0,11");
    CHECK(read("layers = [\"0\", 1]").layers == "0,1");
    CHECK(read("report_to = [\"html\", \"jsonl\"]").report == "html,jsonl");
    CHECK(file_error("start = 1").starts_with("llmft: error E-SCHEMA: run.toml: line 1: start: wants text in quotes"));
    CHECK(file_error("resume = true").starts_with("llmft: error E-SCHEMA: run.toml: line 1: resume: wants text"));
    CHECK(file_error("layers = [0.5]") ==
          "llmft: error E-SCHEMA: run.toml: line 1: layers: a list holds whole numbers, or texts without commas; write "
          "[0, 1]");
    CHECK(file_error("layers = 0.5").find("wants text in quotes or a whole number, not ") != std::string::npos);
}

TEST_CASE("a value of the wrong type is refused with its line") {
    for (const std::string value : {"\"3\"", "3.0", "true", "[3]", "{a = 1}", "2020-01-01"}) {
        CAPTURE(value);
        CHECK(
            file_error("num_train_epochs = " + value)
                .starts_with("llmft: error E-SCHEMA: run.toml: line 1: num_train_epochs: wants a whole number, not "));
    }
    for (const std::string value : {"1", "true", "[1]", "[\"a,b\"]", "[\"\"]", "[[\"a\"]]"}) {
        CAPTURE(value);
        CHECK(file_error("dataset = " + value).starts_with("llmft: error E-SCHEMA: run.toml: line 1: dataset: "));
    }
    CHECK(file_error("shuffle = \"true\"")
              .starts_with("llmft: error E-SCHEMA: run.toml: line 1: shuffle: wants true or false"));
    CHECK(file_error("learning_rate = \"1\"")
              .starts_with("llmft: error E-SCHEMA: run.toml: line 1: learning_rate: wants a number"));
}

TEST_CASE("limits hold in a run file too") {
    CHECK(file_error("num_train_epochs = 0") ==
          "llmft: error E-RANGE: run.toml: line 1: num_train_epochs: \"0\": out of range; give a value of at least 1");
    CHECK(file_error("learning_rate = nan").starts_with("llmft: error E-VALUE: run.toml: line 1: learning_rate: "));
    CHECK(file_error("learning_rate = inf").starts_with("llmft: error E-VALUE: run.toml: line 1: learning_rate: "));
    CHECK(file_error("lr_scheduler_type = \"cosin\"").ends_with("did you mean cosine?"));
    CHECK(file_error("dataset = \"a\\u0000b\"").starts_with("llmft: error E-ENCODING: run.toml: line 1: dataset: "));
}

TEST_CASE("a key of thousands of parts is refused before toml++ nests tables for it") {
    for (const int parts : {17, 50'000}) {
        CAPTURE(parts);
        std::string key = "a";
        for (int i = 0; i < parts; ++i) key += i % 3 == 0 ? " . 'a'" : ".a";
        for (const std::string& text : {key + " = 1", "[" + key + "]", "prompt = {b = 1, " + key + " = 1}"})
            CHECK(file_error(text) ==
                  "llmft: error E-SYNTAX: run.toml: line 1: a key of too many parts; keys are the option names in "
                  "snake_case, at the top level");
    }
    CHECK(file_error("# " + std::string(100, '.') + "\nprompt = '" + std::string(100, '.') + "'") == "");
}

TEST_CASE("a quote behind a number opens no text") {
    CHECK(file_error("prompt = 1979''  'a\xc3\xa9Z").starts_with("llmft: error E-SYNTAX: run.toml: line 1, "));
    CHECK(file_error("p=9['\xd1\x9e")
              .starts_with("llmft: error E-SYNTAX: run.toml: line 1, "));   // undefined in toml++ 3.3
}

TEST_CASE("what is not TOML is refused with its line") {
    CHECK(file_error("shuffle = true\nlearning_rate = = 1")
              .starts_with("llmft: error E-SYNTAX: run.toml: line 2, column "));
    CHECK(file_error("shuffle = true\nshuffle = true").starts_with("llmft: error E-SCHEMA: run.toml: line 2, column "));
    CHECK(file_error("num_train_epochs = 9223372036854775808").starts_with("llmft: error E-RANGE: run.toml: line 1, "));
    CHECK(file_error("dataset = \"\xff\"").starts_with("llmft: error E-ENCODING: run.toml: byte 11: "));
    CHECK(file_error("[=").starts_with("llmft: error E-SYNTAX: run.toml: "));   // toml++ 3.3 asserts on it
    CHECK(file_error("dataset = " + std::string(5000, '[')).starts_with("llmft: error E-LIMIT: run.toml: line 1, "));
    CHECK(file_error(std::string((1 << 18) + 1, '\n')).starts_with("llmft: error E-LIMIT: run.toml: "));
}

TEST_CASE("text beyond ASCII is taken in quotes and comments and refused elsewhere") {
    for (const std::string value :
         {"\"\xc3\xa9\"", "'\xc3\xa9'", "'''\xc3\xa9'''", "\"\"\"\xc3\xa9\"\"\"", "'\xc3\xa9'   # \xc2\xa0"}) {
        CAPTURE(value);
        const File file("prompt = " + value + "\n# \xc3\xa9");
        CHECK(Toy({"--config", file.name()}).data.prompt == "\xc3\xa9");
    }
    const File quotes("prompt = \"\"\"\xc3\xa9\\\"\"\"\"\"\ndataset = '\xc3\xa9'");
    CHECK(Toy({"--config", quotes.name()}).data.prompt == "\xc3\xa9\"\"");
    for (const std::string text :
         {"\xc3\xa9 = 1", "shuffle = true\xc2\xa0", "dataset = 'a' \xc3\xa9", "dataset = 'a\n\xc3\xa9"}) {
        CAPTURE(text);
        CHECK(file_error(text).starts_with("llmft: error E-SYNTAX: run.toml: line "));
        CHECK(file_error(text).find("beyond ASCII") != std::string::npos);
    }
}

TEST_CASE("a run file that is not there or is a folder is refused by its name") {
    CHECK(error_of([] {
              Toy({"--config", "/nowhere/run.toml"});
          }).starts_with("llmft: error E-MISSING: /nowhere/run.toml: "));
    CHECK(error_of([] { Toy({"--config", "/tmp"}); }).starts_with("llmft: error E-PATH: /tmp: "));
    CHECK(error_of([] { Toy({"--config="}); }) != "");
}

TEST_CASE("every prefix of a run file, and every single wrong byte in it, is read or refused in one line") {
    const std::string text =
        Toy({"--prompt", "\"q\" \n", "--warmup-ratio", "0.1", "--dataset", "a,b"}).flags.run_file() + "# \xc3\xa9\n";
    int refused = 0;
    for (size_t length = 0; length < text.size(); ++length) refused += !file_error(text.substr(0, length)).empty();
    CHECK(refused > 50);
    for (const char wrong : {'\0', '"', '=', '[', '\n', '\x80', '\\', '{'}) {
        for (size_t at = 0; at < text.size(); ++at) {
            std::string changed = text;
            changed[at] = wrong;
            file_error(changed);   // checks its own line
        }
    }
}
