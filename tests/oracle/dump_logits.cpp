// Logits of every position, for tests/oracle/check_adapter.py:   llmft_dump_logits MODEL ADAPTER|none BATCH.json
// OUT.safetensors
#include <cstdio>

#include "data/loader.h"
#include "engine/io/json.h"
#include "engine/io/safetensors.h"
#include "tools/inference.h"
#include "tools/open_model.h"

using namespace llmft;

int main(int argc, char** argv) try {
    if (argc != 5)
        throw UserError("USAGE", "llmft_dump_logits", "", "four arguments",
                        "MODEL ADAPTER|none BATCH.json OUT.safetensors");
    ModelOptions options;
    options.model = argv[1];
    if (std::string_view(argv[2]) != "none") options.adapter = argv[2];
    const auto source = open_model(options.model);
    const ModelConfig config = read_model_config(*source);
    std::vector<Example> examples;
    int64_t longest = 1;
    for (const Json& one : parse_json_file(argv[3], JsonLimits{})) {
        const auto ids = one.at("input_ids").get<std::vector<int32_t>>();
        examples.push_back({.ids = ids, .labels = ids, .row = static_cast<int64_t>(examples.size())});
        longest = std::max(longest, static_cast<int64_t>(examples.back().ids.size()));
    }
    Inference model = open_inference(options, *source, config, longest, [&](Session& dry) {
        Run run = dry.run();
        dry.model().logits(dry.slots().upload(full_batch(longest, longest), run), longest, run);
    });
    Run run = model.session->run();
    std::vector<std::vector<float>> logits;
    std::vector<TensorToWrite> tensors;
    for (const Example& example : examples) {
        const auto rows = static_cast<int64_t>(example.ids.size());
        logits.push_back(model.session->model().logits(
            model.session->slots().upload(EvaluationSource({example}, rows).micro_batch(0), run), rows, run));
        tensors.push_back({.name = "logits." + std::to_string(tensors.size()),
                           .dtype = DType::kF32,
                           .shape = {rows, config.vocab_size},
                           .bytes = [&logits, i = tensors.size()] { return std::as_bytes(std::span(logits[i])); }});
    }
    write_safetensors(argv[4], tensors);
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "llmft_dump_logits: %s\n", error.what());
    return 2;
}
