// A model's folder with its linears in bitsandbytes' four bits, tensor by tensor: the bytes that transformers saves
// after load_in_4bit. No more than one tensor is in memory.
#pragma once

#include <functional>

#include "model/decoder.h"

namespace llmft {

struct QuantizeRequest {
    const ModelSource& base;
    const Decoder& figure;          // the model on the dry device, with the quantisation; nothing of it is trained
    std::optional<DType> dtype;     // everything is rounded to it first; nothing: as the base has it
    std::filesystem::path output;   // exists, and holds no weights
    int64_t shard_bytes;
    std::function<void(int64_t done, int64_t all)>
        on_bytes;   // of what is written; may throw, which leaves it unfinished
};

struct QuantizeResult {
    int64_t linears = 0;
    int64_t linear_parameters = 0;   // of those
    int64_t linear_bytes = 0;        // with their scales and states
    int64_t parameters = 0;
    int64_t plain_bytes = 0;   // of all, were nothing in four bits
    int64_t bytes = 0;
    DType dtype = DType::kF32;   // of the first linear's state
};

// Writes weights and config.json. Throws UserError as load_weights does, and SCHEMA for weights that are packed
// already.
QuantizeResult quantize_model(const QuantizeRequest& request);

}   // namespace llmft
