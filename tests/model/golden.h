// Goldens of tests/oracle as the model tests use them: a session on the CPU with the case's weights, and its examples.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/io/json.h"
#include "engine/io/safetensors.h"
#include "model/adapter/full.h"
#include "model/adapter/lora.h"
#include "tools/session.h"

namespace llmft::test {

struct GoldenExample {
    std::vector<int32_t> ids;
    std::vector<int32_t> labels;   // unshifted
};

struct Golden {
    std::filesystem::path folder;
    Json case_json, expected;
    std::vector<GoldenExample> examples;
    // Where its model lies; nullopt if that needs data that is not here.
    std::optional<std::filesystem::path> model_folder() const;
    std::filesystem::path adapter_folder() const;
    Safetensors tensors() const;   // expected.safetensors
};
Golden read_golden(const std::string& name);

// Those that this build has: oneDNN may be left out.
std::vector<GemmEngine> gemm_engines();

// Examples [first, first + count) as one micro-batch; example keys are their indices.
HostBatch flat_batch(std::span<const GoldenExample> examples, int32_t first_index);

struct SessionOptions {
    GemmEngine gemm = GemmEngine::kPortable;
    DType dtype = DType::kF32;
    int64_t tokens = 256;
    Recompute recompute = Recompute::kNone;
    AdamwOptions adamw = {};
    uint32_t seed = 0;
    SessionShape::Use use = SessionShape::Use::kTrain;
    const Objective* objective = &sft();
};
// A loaded, initialised and published session. `path`: a model folder or a GGUF file.
std::unique_ptr<Session> open_session(const std::filesystem::path& path, Tuning& tuning,
                                      const SessionOptions& options);

// Every parameter by the name that expected.safetensors uses.
std::map<std::string, std::vector<float>> gradients(Session& session);
std::map<std::string, std::vector<float>> values(Session& session);

// Cosine ≥ `cosine` and ‖got − want‖ ≤ relative·‖want‖ for every tensor of the file, and no tensor left over.
struct Closeness {
    double cosine;
    double relative;
};
void check_tensors(const std::map<std::string, std::vector<float>>& got, const Safetensors& want, Closeness closeness);

}   // namespace llmft::test
