#include "tools/flags.h"

#include <doctest/doctest.h>

#include "engine/io/quote.h"
#include "tests/tools/one_line.h"
#include "tests/tools/toy_options.h"

using namespace llmft;
using namespace llmft::test;

namespace {

struct Toy {
    ToySchedule schedule;
    ToyData data;
    Flags flags{"train", "fine-tunes a model"};

    Toy() {
        flags.add(schedule);
        flags.add(data);
    }
    Flags::Outcome parse(const std::vector<std::string>& arguments) { return flags.parse(arguments); }
};

std::string parse_error(const std::vector<std::string>& arguments) {
    return error_of([&] { Toy().parse(arguments); });
}

}   // namespace

TEST_CASE("flags set the members they name and leave the others") {
    Toy toy;
    const auto outcome = toy.parse({"--learning-rate", "1e-5", "--max-steps=7", "--dataset", "a.jsonl,b.jsonl"});
    CHECK(outcome == Flags::Outcome::kRun);
    CHECK(toy.schedule.learning_rate == 1e-5);
    CHECK(toy.schedule.max_steps == 7);
    CHECK(toy.data.dataset == "a.jsonl,b.jsonl");
    CHECK(toy.schedule.epochs == 3);
    CHECK(!toy.schedule.warmup_ratio);
    CHECK(toy.flags.given("max-steps"));
    CHECK(!toy.flags.given("num-train-epochs"));
}

TEST_CASE("a bool stands alone or takes true or false, with a space or an equals sign") {
    Toy toy;
    toy.parse({"--shuffle", "false", "--use-dora", "--completion-only-loss=false"});
    CHECK(!toy.data.shuffle);
    CHECK(toy.data.use_dora);
    CHECK(toy.data.completion_only == false);
    Toy last;
    last.parse({"--use-dora"});
    CHECK(last.data.use_dora);
    CHECK(parse_error({"--shuffle", "no"}) ==
          "llmft: error E-USAGE: \"no\": unexpected argument; options are written --name value");
    CHECK(parse_error({"--shuffle=no"}) ==
          "llmft: error E-VALUE: --shuffle: \"no\": neither true nor false; write true or false");
}

TEST_CASE("a value arrives as it was written, whatever it looks like") {
    for (const std::string text :
         {"", " ", "-5 things", "-x", "[a,b]", "a=b", "%%", "\"quoted\"", "{}", "/x:y", "\xc3\xa9"}) {
        CAPTURE(text);
        Toy spaced, joined;
        spaced.parse({"--prompt", text});
        joined.parse({"--prompt=" + text});
        CHECK(spaced.data.prompt == text);
        CHECK(joined.data.prompt == text);
    }
    Toy dashes;
    dashes.parse({"--prompt=--shuffle"});
    CHECK(dashes.data.prompt == "--shuffle");
    CHECK(dashes.data.shuffle);
}

TEST_CASE("an unknown flag is refused with the nearest name") {
    const std::string want = "llmft: error E-USAGE: --learnig-rate: unknown option; did you mean --learning-rate?";
    CHECK(parse_error({"--learnig-rate", "1e-4"}) == want);
    CHECK(parse_error({"--learnig-rate=1e-4"}) == want);
    CHECK(parse_error({"--learning_rate", "1"}) ==
          "llmft: error E-USAGE: --learning_rate: unknown option; did you mean --learning-rate?");
    CHECK(parse_error({"--zzzzzzzzzzzz"}) ==
          "llmft: error E-USAGE: --zzzzzzzzzzzz: unknown option; llmft train --help lists them");
    CHECK(parse_error({"--hepl"}).ends_with("did you mean --help?"));
}

TEST_CASE("an option is found by what other trainers call it, and by words of its name where one has them all") {
    CHECK(parse_error({"--lr", "1"}).ends_with("did you mean --learning-rate?"));
    CHECK(parse_error({"--epochs", "1"}).ends_with("did you mean --num-train-epochs?"));
    CHECK(parse_error({"--scheduler-type", "x"}).ends_with("did you mean --lr-scheduler-type?"));
    CHECK(parse_error({"--train", "x"}).ends_with("did you mean --num-train-epochs?"));
    CHECK(parse_error({"--rank", "8"}).ends_with("lists them"));   // what it is called here is not among the toy's
    CHECK(parse_error({"--to-be", "1"}).ends_with("lists them"));
}

TEST_CASE("words that two options share lead to neither") {
    int64_t steps = 0;
    Flags flags("train", "");
    flags("save-steps", steps, "");
    flags("eval-steps", steps, "");
    flags("eval-max-wait", steps, "");
    CHECK(error_of([&] { flags.parse({"--wait"}); }).ends_with("did you mean --eval-max-wait?"));
    CHECK(error_of([&] { flags.parse({"--eval"}); }).ends_with("did you mean --eval-steps?"));   // the shorter
    CHECK(error_of([&] { flags.parse({"--steps"}); }).ends_with("lists them"));
}

TEST_CASE("an option of a later version is refused as that, with no other name") {
    for (const std::string name : {"--loss-type", "--loss_type", "--offload=optimizer"}) {
        const std::string line = parse_error({name});
        CHECK(line.find(": this version does not have it yet; llmft train --help lists them") != std::string::npos);
        CHECK(line.find("did you mean") == std::string::npos);
    }
}

TEST_CASE("short options, strays, doubles and missing values are refused in one line") {
    CHECK(parse_error({"-m", "x"}).starts_with("llmft: error E-USAGE: -m: unknown option; "));
    CHECK(parse_error({"stray"}).starts_with("llmft: error E-USAGE: \"stray\": unexpected argument; "));
    CHECK(parse_error({"--max-steps", "1", "--max-steps", "1"}) ==
          "llmft: error E-USAGE: --max-steps: said twice; keep one of them");
    CHECK(parse_error({"--shuffle", "--shuffle"}) == "llmft: error E-USAGE: --shuffle: said twice; keep one of them");
    CHECK(parse_error({"--max-steps"}) ==
          "llmft: error E-USAGE: --max-steps: no value follows; write --max-steps=VALUE");
    CHECK(parse_error({"--dataset", "--shuffle"}) ==
          "llmft: error E-USAGE: --dataset: no value follows; write --dataset=VALUE");
    CHECK(parse_error({"--", "x"}) != "");
    CHECK(parse_error({"-"}) != "");
    CHECK(parse_error({"--"}) != "");
    CHECK(parse_error({"--=3"}) != "");
    CHECK(parse_error({""}) != "");
}

TEST_CASE("what is not a number, or not one that fits, is refused in one line that names the flag") {
    for (const std::string text : {"", "x", "1.5", "1e3", " 1", "1 ", "+1", "0x10", "1_000", "nan", "1\n"}) {
        CAPTURE(text);
        CHECK(parse_error({"--max-steps", text}).starts_with("llmft: error E-VALUE: --max-steps: "));
    }
    for (const std::string text : {"", "x", "1.5.", "1e", " 1", "nan", "inf", "-inf", "0x1p3", "1,5"}) {
        CAPTURE(text);
        CHECK(parse_error({"--learning-rate", text}).starts_with("llmft: error E-VALUE: --learning-rate: "));
    }
    for (const std::string text : {"0", "-1", "9223372036854775808", "-99999999999999999999"}) {
        CAPTURE(text);
        CHECK(parse_error({"--max-steps", text}).starts_with("llmft: error E-RANGE: --max-steps: "));
    }
    for (const std::string text : {"0", "-1e-9", "1e999", "1e-999"}) {
        CAPTURE(text);
        CHECK(parse_error({"--learning-rate", text}).starts_with("llmft: error E-RANGE: --learning-rate: "));
    }
    CHECK(parse_error({"--warmup-ratio", "1"}) ==
          "llmft: error E-RANGE: --warmup-ratio: \"1\": out of range; give a value of at least 0 and less than 1");
}

TEST_CASE("text outside its choices, or not UTF-8, is refused") {
    CHECK(parse_error({"--lr-scheduler-type", "linaer"}) ==
          "llmft: error E-VALUE: --lr-scheduler-type: \"linaer\": not one of cosine|linear|constant; did you mean "
          "linear?");
    CHECK(parse_error({"--lr-scheduler-type", ""}).starts_with("llmft: error E-VALUE: "));
    CHECK(parse_error({"--lr-scheduler-type", "cubic"}).ends_with("choose one of these"));   // half of its letters
    CHECK(parse_error({"--lr-scheduler-type", "cosine|linear"}).starts_with("llmft: error E-VALUE: "));
    CHECK(parse_error({"--dataset", "a\xff.jsonl"})
              .starts_with("llmft: error E-ENCODING: --dataset: \"a\\xff.jsonl\": "));
}

TEST_CASE("text that is a list of a few is checked by its parts") {
    Toy toy;
    toy.parse({"--report-to", "html,jsonl"});
    CHECK(toy.data.report == "html,jsonl");
    CHECK(parse_error({"--report-to", "jsonl,htlm"}) ==
          "llmft: error E-VALUE: --report-to: \"htlm\": not one of jsonl|html|none; did you mean html?");
    for (const std::string text : {"", "jsonl,", ",", "jsonl|html"}) {
        CAPTURE(text);
        CHECK(parse_error({"--report-to", text}).starts_with("llmft: error E-VALUE: --report-to: "));
    }
}

TEST_CASE("words with a meaning refuse no other text") {
    for (const std::string text : {"auto", "never", "out/checkpoint-7", "neverr"}) {
        Toy toy;
        toy.parse({"--resume", text});
        CHECK(toy.data.resume == text);
    }
}

TEST_CASE("a value of a later version is refused as that, and one that is not offered may be taken") {
    CHECK(parse_error({"--start", "pissa"}) ==
          "llmft: error E-VALUE: --start: \"pissa\": this version does not have it yet; use true|false|gaussian");
    Toy toy;
    toy.parse({"--start", "eva"});
    CHECK(toy.data.start == "eva");
    CHECK(parse_error({"--start", "ewa"}).ends_with("not one of true|false|gaussian; choose one of these"));
    CHECK(toy.flags.help().find("eva") == std::string::npos);
    CHECK(toy.flags.help().find("pissa") == std::string::npos);
}

TEST_CASE("the argument without dashes may be one of a few") {
    std::string shell;
    Flags flags("completion", "");
    flags.positional("SHELL", shell, "which", {.one_of = "bash|zsh"});
    CHECK(error_of([&] { flags.parse({"bsah"}); }) ==
          "llmft: error E-VALUE: SHELL: \"bsah\": not one of bash|zsh; did you mean bash?");
    flags.parse({"zsh"});
    CHECK(shell == "zsh");
}

TEST_CASE("an error line escapes what would move the cursor and keeps its end when it is cut") {
    CHECK(parse_error({"--a\nb\x1b[31m\xc2\x9b"}).starts_with("llmft: error E-USAGE: --a\\nb\\x1b[31m\\x9b: unknown"));
    for (size_t length = 300; length < 420; ++length) {
        std::string word = length % 2 == 0 ? "--" : "--a";   // the cut falls inside a character, or between two
        for (size_t i = 0; i < length; ++i) word += "\xc3\xa9";
        const std::string line = parse_error({word});
        CHECK(line.size() <= 400);
        CHECK(line.size() > 390);
        CHECK(line.find("\\x") == std::string::npos);
        CHECK(line.ends_with("llmft train --help lists them"));
        CHECK(first_invalid_utf8(line) == std::string::npos);
        CHECK(first_invalid_utf8(error_line("X", word.substr(2) + (length % 4 < 2 ? "b" : ""))) == std::string::npos);
    }
}

TEST_CASE("a required option is missed by name") {
    Toy toy;
    toy.parse({});
    CHECK(error_of([&] {
              toy.flags.require({"learning-rate", "dataset"});
          }) == "llmft: error E-USAGE: --dataset: missing; llmft train needs it: --dataset TEXT");
    toy.data.dataset = "x";
    CHECK(error_of([&] { toy.flags.require({"learning-rate", "dataset"}); }) == "");
}

TEST_CASE("help lists every option under its group, with defaults and choices") {
    Toy toy;
    const std::string help = toy.flags.help();
    for (const std::string part :
         {"fine-tunes a model", "llmft train", "schedule:", "data:", "--learning-rate X", "(default: 0.0002)",
          "--num-train-epochs N", "(default: 3)", "--shuffle true|false", "(default: true)", "cosine|linear|constant",
          "--config TEXT", "--help", "--report-to jsonl|html|none,...", "--resume auto|never|PATH"}) {
        CAPTURE(part);
        CHECK(help.find(part) != std::string::npos);
    }
    CHECK(help.find("schedule:") < help.find("--max-steps"));
    CHECK(help.find("--max-steps") < help.find("data:"));
}

TEST_CASE("what was used is printed, without what was not set") {
    Toy toy;
    toy.parse({"--learning-rate", "0.1"});
    const std::string used = toy.flags.used();
    CHECK(used.find("  --learning-rate 0.1\n") != std::string::npos);
    CHECK(used.find("--max-steps") == std::string::npos);
    CHECK(used.find("--config") == std::string::npos);
}

TEST_CASE("an option that two structs declare is a bug that is found at once") {
    Toy toy;
    CHECK_THROWS_AS(toy.flags.add(toy.data), InternalError);
}
