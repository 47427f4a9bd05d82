// Which inference servers load an adapter, by their own loaders' rules (vLLM: PEFTHelper and the LoRA loader; TGI:
// the adapter loader), so that a file that is about to be served can be judged without the server.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/json_field.h"
#include "engine/io/safetensors.h"

namespace llmft {

struct ServerVerdict {
    std::string_view server;
    std::vector<std::string> against;   // why it refuses the adapter, or would compute something else with it
    std::vector<std::string> remarks;   // what to know or to set
    bool loads() const { return against.empty(); }
};

struct AdapterFiles {
    JsonField config;                      // adapter_config.json
    std::span<const SafeTensor> tensors;   // none where there is no file
    int64_t layers = 0;                    // of the base; 0: not known
};

ServerVerdict vllm_verdict(const AdapterFiles& adapter);
ServerVerdict tgi_verdict(const AdapterFiles& adapter);

}   // namespace llmft
