// What `eval` and `generate` share: a model that is only read, its tokenizer, and a session that fits.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "data/tokenizer/tokenizer.h"
#include "tools/run_options.h"
#include "tools/session.h"

namespace llmft {

struct Inference {
    std::unique_ptr<Tuning> tuning;
    std::unique_ptr<Session> session;
};
// Loads base and adapter, ready to compute micro-batches of up to `tokens`. The memory is what `use` takes on the dry
// device: it is to do there, once and at full size, what the caller is about to do.
Inference open_inference(const ModelOptions& options, const ModelSource& model, const ModelConfig& config,
                         int64_t tokens, const std::function<void(Session&)>& use);

// The same with a tuning of the caller's; and what it would take.
Inference open_inference(const ModelOptions& options, const ModelSource& model, const ModelConfig& config,
                         std::unique_ptr<Tuning> tuning, int64_t tokens, const std::function<void(Session&)>& use);
int64_t inference_bytes(const ModelOptions& options, const ModelConfig& config, Tuning& tuning, int64_t tokens,
                        const std::function<void(Session&)>& use);

// Ids that end a text: the config's, generation_config.json's and the tokenizer's.
std::vector<int32_t> stop_ids(const ModelSource& model, const ModelConfig& config, const Tokenizer& tokenizer);
// And of a model with a chat template, the end of a turn.
std::vector<int32_t> answer_ends(const ModelSource& model, const ModelConfig& config, const Tokenizer& tokenizer);

}   // namespace llmft
