// What a checkpoint belongs to: the options of its run, and hashes of what it read. A run goes on from a checkpoint of
// the same run only; what may differ is said in one table (run_identity.cpp).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"
#include "engine/io/model_source.h"
#include "engine/train/checkpoint_folder.h"
#include "model/config.h"

namespace llmft {

struct RunIdentity {
    std::vector<std::pair<std::string, std::string>> settings;   // options as texts, by their names in run files
    std::vector<std::pair<std::string, std::string>> config;     // of config.json: what changes the model
    std::vector<std::pair<std::string, std::string>>
        inputs;                          // "model", "adapter", "tokenizer", "rows", "evaluation rows": hashes
    int64_t tokens_per_microbatch = 0;   // as planned: another grouping sums in another order

    Json facts(int64_t step) const;   // of a checkpoint's manifest
};

// The members of config.json as texts, but for those that change nothing that is computed.
std::vector<std::pair<std::string, std::string>> config_settings(const ModelSource& model, const ModelConfig& config);
// XXH3 of names, types, shapes and all that is stored (of GGML's blocks, what they decode to). The model is then read
// again by whoever loads it: by then it is in the machine's cache.
std::string hash_of_weights(const ModelWeights& weights);
// Of its config and its tensors.
std::string hash_of_adapter(const Path& folder);
std::string hash_of_examples(const std::vector<Example>& examples);

// The tokens_per_microbatch that a checkpoint was made with.
int64_t planned_tokens(const Checkpoint& checkpoint);

// Refuses (UserError STATE) a checkpoint of another run by what differs. What may change in the middle of a run is a
// line for each (learning rate, number of steps, …), or nothing (what is written where).
std::vector<std::string> expect_same_run(const Checkpoint& checkpoint, const RunIdentity& now);

}   // namespace llmft
