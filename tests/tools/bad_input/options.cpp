// Row 83, and flags: what a run is asked to do.
#include "tests/tools/bad_input/cases.h"

namespace llmft::test {
namespace {

namespace fs = std::filesystem;

void run_file(Scene& s, std::string_view text) {
    put(s.path("run.toml"), text);
    s.flag("--config", s.path("run.toml"));
}

const BadCase kOptions[] = {
    {0, "Python's False", "VALUE", "--shuffle", [](Scene& s) { s.flag("--shuffle", "False"); }},
    {0, "another word to go on from", "VALUE", "--resume", [](Scene& s) { s.flag("--resume", "atuo"); }},
    {0, "an unknown flag", "USAGE", "--lora-rank", [](Scene& s) { s.flag("--lora-rank", "8"); }},
    {0, "a flag nearly right", "USAGE", "--learning-rate", [](Scene& s) { s.flag("--learning-rat", "1"); }},
    {0, "no model", "USAGE", "--model", [](Scene& s) { s.no_flag("--model"); }},
    {0, "no dataset", "USAGE", "--dataset", [](Scene& s) { s.no_flag("--dataset"); }},
    {0, "no output", "USAGE", "--output-dir", [](Scene& s) { s.no_flag("--output-dir"); }},
    {0, "a word for a number", "VALUE", "--lora-r", [](Scene& s) { s.flag("--lora-r", "many"); }},
    {0, "half a rank", "VALUE", "--lora-r", [](Scene& s) { s.flag("--lora-r", "1.5"); }},
    {0, "rank 0", "RANGE", "--lora-r", [](Scene& s) { s.flag("--lora-r", "0"); }},
    {0, "a rate that is not finite", "VALUE", "--learning-rate", [](Scene& s) { s.flag("--learning-rate", "nan"); }},
    {0, "a rate of 1e400", "RANGE", "--learning-rate", [](Scene& s) { s.flag("--learning-rate", "1e400"); }},
    {0, "a negative batch", "RANGE", "--per-device-train-batch-size",
     [](Scene& s) { s.flag("--per-device-train-batch-size", "-1"); }},
    {0, "a batch that nobody can count", "RANGE", "--per-device-train-batch-size",
     [](Scene& s) { s.flag("--per-device-train-batch-size", "9223372036854775807"); }},
    {0, "accumulation that nobody can count", "RANGE", "--gradient-accumulation-steps",
     [](Scene& s) { s.flag("--gradient-accumulation-steps", "9223372036854775807"); }},
    {0, "a micro-batch that nobody can count", "RANGE", "--tokens-per-microbatch",
     [](Scene& s) { s.flag("--tokens-per-microbatch", "9223372036854775807"); }},
    {0, "rows of a length that nobody can count", "VALUE", "--max-seq-length",
     [](Scene& s) { s.flag("--max-seq-length", "9223372036854775807"); }},
    {0, "dropout of everything", "RANGE", "--lora-dropout", [](Scene& s) { s.flag("--lora-dropout", "1"); }},
    {0, "no epochs", "RANGE", "--num-train-epochs", [](Scene& s) { s.flag("--num-train-epochs", "0"); }},
    {0, "fewer steps than none", "RANGE", "--max-steps", [](Scene& s) { s.flag("--max-steps", "-3"); }},
    {0, "an unknown method", "VALUE", "did you mean lora?", [](Scene& s) { s.flag("--method", "lroa"); }},
    {0, "a method of later", "VALUE", "does not have it yet", [](Scene& s) { s.flag("--method", "adalora"); }},
    {0, "an option of later", "USAGE", "does not have it yet", [](Scene& s) { s.flag("--use-dora", "true"); }},
    {0, "an unknown format of rows", "VALUE", "did you mean text?",
     [](Scene& s) { s.flag("--dataset-format", "texxt"); }},
    {0, "an unknown truncation", "VALUE", "did you mean right?", [](Scene& s) { s.flag("--truncation", "rigth"); }},
    {0, "part of an option's name", "USAGE", "did you mean --per-device-train-batch-size?",
     [](Scene& s) { s.flag("--batch-size", "3"); }},
    {0, "a name of the hub", "MISSING", "hf download nobody/SmolLM --local-dir DIR",
     [](Scene& s) { s.flag("--model", "nobody/SmolLM"); }},
    {0, "a folder that is not there", "MISSING", "nowhere", [](Scene& s) { s.flag("--model", s.path("nowhere")); }},
    {0, "an unknown schedule", "VALUE", "--lr-scheduler-type",
     [](Scene& s) { s.flag("--lr-scheduler-type", "cosin"); }},
    {0, "a schedule without its steps", "USAGE", "--lr-decay-steps",
     [](Scene& s) { s.flag("--lr-scheduler-type", "warmup_stable_decay"); }},
    {0, "an unknown target", "USAGE", "--target-modules", [](Scene& s) { s.flag("--target-modules", "q_prj"); }},
    {0, "one target of two unknown", "USAGE", "q_prj", [](Scene& s) { s.flag("--target-modules", "v_proj,q_prj"); }},
    {0, "evaluation by steps of nothing", "USAGE", "--eval-strategy",
     [](Scene& s) { s.flag("--eval-strategy", "steps"); }},
    {0, "evaluation by epochs of nothing", "USAGE", "--eval-strategy",
     [](Scene& s) { s.flag("--eval-strategy", "epoch"); }},
    {0, "an epsilon of 0", "RANGE", "--adam-epsilon", [](Scene& s) { s.flag("--adam-epsilon", "0"); }},
    {0, "an epsilon that is 0 in f32", "RANGE", "--adam-epsilon", [](Scene& s) { s.flag("--adam-epsilon", "1e-50"); }},
    {0, "CUDA that is not built in", "DEVICE", "--device", [](Scene& s) { s.flag("--device", "cuda"); }, 6},
    {0, "f16 on the CPU", "USAGE", "--dtype", [](Scene& s) { s.flag("--dtype", "f16"); }},
    {0, "a limit that is no size", "VALUE", "--memory-limit", [](Scene& s) { s.flag("--memory-limit", "5 bananas"); }},
    {0, "too little memory", "MEMORY", "largest: weights.gate_up", [](Scene& s) { s.flag("--memory-limit", "100KiB"); },
     3},
};

const BadCase kRunFiles[] = {
    {83, "no run file", "MISSING", "run.toml", [](Scene& s) { s.flag("--config", s.path("run.toml")); }},
    {83, "a run file that is no TOML", "SYNTAX", "line 2",
     [](Scene& s) { run_file(s, "lora_r = 4\nlora_alpha = = 3\n"); }},
    {83, "an unknown key", "EXTRA", "learning_rate", [](Scene& s) { run_file(s, "learning_rat = 0.1\n"); }},
    {83, "a key twice", "SCHEMA", "line 2", [](Scene& s) { run_file(s, "lora_r = 4\nlora_r = 4\n"); }},
    {83, "a key of the wrong type", "SCHEMA", "lora_r", [](Scene& s) { run_file(s, "lora_r = \"x\"\n"); }},
    {83, "a key out of range", "RANGE", "lora_r", [](Scene& s) { run_file(s, "lora_r = -1\n"); }},
    {83, "a run file that names another", "EXTRA", "run.toml: line 1: config",
     [](Scene& s) { run_file(s, "config = \"other.toml\"\n"); }},
    {83, "a wrong word in a run file", "VALUE", "run.toml: line 2: truncation",
     [](Scene& s) { run_file(s, "\ntruncation = \"rigth\"\n"); }},
    {83, "nan in a run file", "VALUE", "learning_rate", [](Scene& s) { run_file(s, "learning_rate = nan\n"); }},
    {83, "1e400 in a run file", "RANGE", "run.toml", [](Scene& s) { run_file(s, "learning_rate = 1e400\n"); }},
    {83, "a batch of -1", "RANGE", "per_device_train_batch_size",
     [](Scene& s) {
         s.no_flag("--per-device-train-batch-size");
         run_file(s, "per_device_train_batch_size = -1\n");
     }},
    {83, "YAML", "SYNTAX", "line 1", [](Scene& s) { run_file(s, "learning_rate: 0.1\nlora_r: 8\n"); }},
    {83, "a bomb of YAML anchors", "SYNTAX", "line 1",
     [](Scene& s) {
         std::string text = "a: &a [x,x,x,x,x,x,x,x,x]\n";
         for (char c = 'b'; c <= 'i'; ++c) {
             text += std::string(1, c) + ": &" + c + " [";
             for (int i = 0; i < 9; ++i) text += std::string(i ? "," : "") + "*" + static_cast<char>(c - 1);
             text += "]\n";
         }
         run_file(s, text);
     }},
    {83, "arrays 10 000 deep", "LIMIT", "line 1, column 266: values nest deeper than 256; ",
     [](Scene& s) { run_file(s, "lora_r = " + std::string(10'000, '[')); }},
    {83, "a byte order mark", "ENCODING", "run.toml: begins with a byte order mark",
     [](Scene& s) { run_file(s, "\xef\xbb\xbflora_r = 4\n"); }},
    {83, "2 MB", "LIMIT", "run.toml", [](Scene& s) { run_file(s, std::string(2'000'000, '#')); }},
};

}   // namespace

std::span<const BadCase> bad_options() {
    return kOptions;
}
std::span<const BadCase> bad_run_files() {
    return kRunFiles;
}

}   // namespace llmft::test
