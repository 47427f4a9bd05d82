// Row 84, and commands that only read.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>

#include "engine/io/file.h"
#include "tests/tools/bad_input/cases.h"

namespace llmft::test {
namespace {

namespace fs = std::filesystem;

const BadCase kOutputs[] = {
    {84, "the model's folder as output", "PATH", "--output-dir", [](Scene& s) { s.flag("--output-dir", s.model()); }},
    {84, "a file as output", "PATH", "--output-dir", [](Scene& s) { s.flag("--output-dir", s.rows()); }},
    {84, "a folder below a file as output", "PATH", "--output-dir",
     [](Scene& s) { s.flag("--output-dir", s.rows() / "x"); }},
    {84, "an output that cannot be made", "PATH", "--output-dir",
     [](Scene& s) { s.flag("--output-dir", "/proc/llmft-out"); }},
    {84, "a folder that another run writes to", "STATE", "out",
     [](Scene& s) {
         static Descriptor locked;   // until the next case that locks
         fs::create_directory(s.output());
         locked = Descriptor(open(s.output().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
         REQUIRE(flock(locked.get(), LOCK_EX | LOCK_NB) == 0);
     }},
    {84, "a link to nothing as output", "PATH", "it is a link to nothing",
     [](Scene& s) { fs::create_symlink("nowhere", s.output()); }},
    {84, "a file with a checkpoint's name in it", "PATH", "checkpoint-8",
     [](Scene& s) {
         fs::create_directory(s.output());
         put(s.output() / "checkpoint-8", "x");
     }},
    {84, "a folder that holds a model", "PATH", "config.json",
     [](Scene& s) {
         fs::create_directory(s.output());
         fs::copy_file(s.model() / "config.json", s.output() / "config.json");
     }},
};

const BadCase kReads[] = {
    {0, "eval of cut weights", "TRUNC", "model.safetensors",
     [](Scene& s) {
         s.command("eval");
         fs::resize_file(s.weights(), 3000);
     }},
    {0, "eval of an empty file", "DATA", "rows.jsonl",
     [](Scene& s) {
         s.command("eval");
         put(s.rows(), "");
     }},
    {0, "eval of an id beyond the vocabulary", "RANGE", "rows.jsonl:1",
     [](Scene& s) {
         s.command("eval");
         put(s.rows(), "{\"input_ids\":[3,127]}\n");
     }},
    {0, "eval with an option of train", "USAGE", "--lora-r",
     [](Scene& s) {
         s.command("eval");
         s.flag("--lora-r", "4");
     }},
    {0, "eval of an unknown metric", "VALUE", "--metric",
     [](Scene& s) {
         s.command("eval");
         s.flag("--metric", "blue");
     }},
    {0, "eval with DoRA", "SCHEMA", "use_dora",
     [](Scene& s) {
         with_adapter(s, "use_dora", true);
         s.command("eval");
     }},
    {0, "eval into a folder that is not there", "PATH", "rows.out",
     [](Scene& s) {
         s.command("eval");
         s.flag("--per-row", s.path("nothing") / "rows.out");
     }},
    {0, "generate without a tokenizer", "MISSING", "tokenizer.json",
     [](Scene& s) {
         s.command("generate");
         s.flag("--prompt", "a");
     }},
    {0, "generate without a prompt", "USAGE", "--prompt", [](Scene& s) { s.command("generate"); }},
    {0, "plan of a spoilt config", "RANGE", "hidden_size",
     [](Scene& s) {
         s.command("plan");
         s.config("hidden_size", 0);
     }},
};

}   // namespace

std::span<const BadCase> bad_outputs() {
    return kOutputs;
}
std::span<const BadCase> bad_reads() {
    return kReads;
}

}   // namespace llmft::test
