// The weights of a Hugging Face model folder, written: one file, or shards and their index as huggingface_hub's
// split_torch_state_dict_into_shards cuts them.
#pragma once

#include "engine/io/safetensors.h"

namespace llmft {

constexpr int64_t kShardBytes = 5'000'000'000;   // transformers 4's limit, which every reader takes

// model.safetensors, or, where the tensors pass shard_bytes, model-00001-of-0000N.safetensors … and
// model.safetensors.index.json: greedily in the order given, a tensor larger than the limit alone in its shard. The
// folder exists and holds no weights. parameters: of the model, for the index; their elements are counted where it is
// 0.
void write_model_weights(const Path& folder, std::vector<TensorToWrite> tensors, int64_t shard_bytes = kShardBytes,
                         int64_t parameters = 0);

}   // namespace llmft
