// Goldens of tests/oracle as the model tests and tests/oracle/parity.cpp use them: a session on the CPU with the case's
// weights, its examples, and how far what it computes lies from what is expected. No test framework here.
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
    std::string name;
    std::filesystem::path folder;
    Json case_json, expected;
    std::vector<GoldenExample> examples;
    // Where its model lies; nullopt if that needs data that is not here.
    std::optional<std::filesystem::path> model_folder() const;
    std::filesystem::path adapter_folder() const;
    std::string kind() const { return case_json.at("kind").get<std::string>(); }
    Safetensors tensors() const;   // expected.safetensors
};
Golden read_golden(const std::string& name);
std::vector<std::string> golden_names();   // of every case, sorted

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
    std::optional<Quantization> quantization = {};   // of frozen linears; none: as the folder has them
};
// A loaded, initialised and published session. `path`: a model folder or a GGUF file.
std::unique_ptr<Session> open_session(const std::filesystem::path& path, Tuning& tuning, const SessionOptions& options);

// Every parameter by the name that expected.safetensors uses: of a Full those of model.safetensors, else PEFT's keys,
// shaped as PEFT shapes them.
using Tensors = std::map<std::string, std::vector<float>>;
Tensors gradients(Session& session);
Tensors values(Session& session);

// Logits of every position of one document, (T, V).
std::vector<float> logits_of(Session& session, const GoldenExample& document);

// ‖got − want‖ / ‖want‖; 0 where both are zero; infinite where shapes differ; NaN where a value is.
double relative_error(std::span<const float> got, const SafeTensor& want);
// The worst relative error over the F32 tensors of `want`, and whose it is; infinite where one is missing or left over.
struct Worst {
    double error = 0;
    std::string tensor = {};
};
Worst worst_error(const Tensors& got, const Safetensors& want);

}   // namespace llmft::test
