// llmft: the table of commands. A command is one function in tools/cmd_<name>.cpp and one line here.
#include "tools/cmd.h"
#include "tools/commands.h"
#include "tools/process_start.h"

namespace {

constexpr llmft::Command kCommands[] = {
    {"train", "fine-tunes a model: LoRA or full; writes an adapter or a model folder", llmft::cmd_train},
    {"plan", "what a training run needs: memory by name, FLOPs and bytes by op; starts nothing", llmft::cmd_plan},
    {"eval", "scores rows with a model or an adapter: loss, perplexity, per token", llmft::cmd_eval},
    {"generate", "continues a text with a model or an adapter", llmft::cmd_generate},
    {"merge", "base + adapters → a model folder, checked against the unmerged logits", llmft::cmd_merge},
    {"quantize", "a model folder → the same in bitsandbytes' four bits", llmft::cmd_quantize},
    {"inspect", "what a model, adapter, file or dataset is, and what is wrong with it", llmft::cmd_inspect,
     "data|decode|template"},
    {"runs", "lists training runs and compares them on one page", llmft::cmd_runs},
    {"verify", "every hash of a checkpoint, model or adapter folder", llmft::cmd_verify},
    {"bench", "the training step timed, each op as a share of this machine's limits", llmft::cmd_bench},
    {"doctor", "this machine: what works, what is slower or missing, and what to do", llmft::cmd_doctor},
    {"completion", "completes commands, options and values in bash, zsh or fish", llmft::cmd_completion},
    {"man", "the manual page", llmft::cmd_man},
};

}   // namespace

int main(int argc, char** argv) {
    llmft::prepare_process();
    return llmft::run_command(kCommands, {argv + (argc > 0), argv + argc});
}
