// A model that is ready to continue texts: base, adapters, and room for as many documents as memory has.
#pragma once

#include "model/adapter/adapter_set.h"
#include "model/decode.h"
#include "tools/generate/requests.h"
#include "tools/inference.h"

namespace llmft {

// Adapter folders between commas; a name with a comma that exists is one folder.
std::vector<std::filesystem::path> adapter_folders(const std::string& list);

// The largest computations that generation makes, for the dry device.
void rehearse_decoding(const Decoder& model, const DecodeShape& shape, Run& run);
void rehearse_generation(Session& dry, const DecodeShape& shape);   // in its own arena

struct GeneratorShape {
    DecodeShape decode;
    int64_t limit_bytes = 0;   // fewer documents where they would take more
    // kNeeded: adapters can be switched off and on even if there is only one.
    enum class Switching : uint8_t { kNotNeeded, kNeeded } switching = Switching::kNotNeeded;
};

class Generator {
public:
    Generator(const ModelOptions& options, const ModelSource& model, const ModelConfig& config,
              const GeneratorShape& shape);

    const DecodeShape& shape() const { return slots_->shape(); }
    // "none" is the base, "" leaves everything as it is. A name is the folder's or its path. Throws UserError.
    void select(const std::string& adapter);
    std::string adapter_name(const std::string& adapter) const;   // as select takes it, checked
    std::vector<Decoded> run(std::span<const DecodePrompt> prompts, const GenerationOptions& options,
                             const DecodeEvents& events);

private:
    std::vector<std::filesystem::path> folders_;
    Inference inference_;
    AdapterSet* adapters_ = nullptr;   // the tuning, where it can be switched
    std::string selected_;
    std::optional<DecodeSlots> slots_;
};

// Continues every request, grouped by adapter; the results are in the requests' order.
std::vector<Decoded> answer_all(Generator& generator, const std::vector<GenerationRequest>& requests,
                                const GenerationOptions& options, const DecodeEvents& events);

}   // namespace llmft
