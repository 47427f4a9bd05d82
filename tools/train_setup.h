// What `train` and `plan` decide alike before anything is computed: options, model, method, data, plan.
#pragma once

#include <memory>
#include <optional>

#include "data/dataset.h"
#include "data/loader.h"
#include "engine/optim/schedule.h"
#include "engine/train/options.h"
#include "tools/flags.h"
#include "tools/planner.h"
#include "tools/report/options.h"
#include "tools/run_options.h"

namespace llmft {

struct TrainOptions {
    ModelOptions model;
    MethodOptions method;
    DataOptions data;
    BatchOptions batch;
    LoopOptions loop;
    SaveOptions save;
    ScheduleOptions schedule;
    ReportOptions report;
    MemoryOptions memory;

    // Declares every option but those of the command itself.
    void declare(Flags& flags);
    // What no single option's limits can say. Throws UserError.
    void validate() const;
    // Under --adapter its r, alpha and targets hold: they become the options', and flags that differ are noted as
    // unused.
    void adopt_adapter(const Flags& flags);
    // --save-steps and --eval-steps mean the strategy `steps`, as they do in Hugging Face's trainer, where that is the
    // default. A strategy that is given holds.
    void adopt_intervals(const Flags& flags);
    // What was left open and follows from the method, the model, the seed or this machine's arithmetic is written down,
    // so that the options say what is computed: a run file of them gives the same bits elsewhere and later. Plan,
    // device and what `auto` asks the data stay open.
    void resolve(const ModelConfig& config);
};

// The rows of a run, tokenised, and what was said about them.
struct TrainData {
    std::optional<Tokenizer> tokenizer;   // rows of tokens need none
    Dataset train;
    std::vector<Example> evaluation;
    LoaderShape shape;
};
// Nothing for rows of tokens, and where there is none and the rows are still to be seen: if they are text after all,
// the DatasetReader refuses them.
std::optional<Tokenizer> read_tokenizer(const DataOptions& options, const ModelSource& model,
                                        const ModelConfig& config);
// Says so where the longest row, in tokens, has more than the model was made for.
void note_beyond_positions(int64_t longest, const ModelConfig& config);
TrainData read_train_data(const TrainOptions& options, const ModelSource& model, const ModelConfig& config);

// The shape of rows that all have --max-seq-length, for a plan without data.
LoaderShape full_rows(const TrainOptions& options);
PlanRequest plan_request(const TrainOptions& options, const ModelConfig& config, Tuning& tuning,
                         const LoaderShape& data);

MethodRequest method_request(const TrainOptions& options);

// "trainable params: 4,884,480 || all params: 139,399,488 || trainable%: 3.5039", as PEFT prints it: all includes
// adapters.
std::string trainable_line(const Plan& plan, const ModelConfig& config, bool adapters);

// The plan's memory as a table, largest first; beyond `most_rows` one row for all others.
std::string memory_table(const Plan& plan, size_t most_rows = SIZE_MAX);

// "rerun in backward: FFN of 4 layers, all of 2".
std::string recompute_text(const std::vector<Recompute>& policy);

// Calls, GFLOP and GB by range and op; with seconds and rates where ops were timed.
std::string op_table(const std::vector<Profile::Row>& rows);

}   // namespace llmft
