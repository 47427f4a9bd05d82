#include "tools/inference.h"

#include <algorithm>

#include "engine/io/json_field.h"
#include "model/load.h"

namespace llmft {

Inference open_inference(const ModelOptions& options, const ModelSource& model, const ModelConfig& config,
                         int64_t tokens, const std::function<void(Session&)>& use) {
    const auto weights = model.weights();
    const SessionShape shape = {.dtype = options.compute_dtype(),
                                .tokens = tokens,
                                .recompute = {},
                                .use = SessionShape::Use::kEvaluate,
                                .quantization = options.resolved_quantization(config)};
    Inference inference;
    inference.tuning = make_inference(options.adapter);
    Session dry(make_dry_device(), -1, config, shape, *inference.tuning);
    use(dry);
    inference.session =
        std::make_unique<Session>(options.make_device(), dry.arena().peak_bytes(), config, shape, *inference.tuning);
    Run run = inference.session->run();
    load_weights(inference.session->model(), *weights, run);
    inference.tuning->initialise(inference.session->model(), run);
    inference.tuning->before_step(0, run);
    return inference;
}

std::vector<int32_t> stop_ids(const ModelSource& model, const ModelConfig& config, const Tokenizer& tokenizer) {
    std::vector<int32_t> ids(config.eos_token_ids.begin(), config.eos_token_ids.end());
    if (constexpr const char* kFile = "generation_config.json"; model.has(kFile)) {
        const Json document = model.json(kFile, JsonLimits{});
        if (const auto eos = JsonField(document, model.label(kFile), "").find("eos_token_id"))
            for (const JsonField& id : eos->json().is_array() ? eos->items() : std::vector<JsonField>{*eos})
                ids.push_back(static_cast<int32_t>(id.integer(0, INT32_MAX)));
    }
    if (tokenizer.special_tokens().eos) ids.push_back(tokenizer.special_tokens().eos->id);
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

}   // namespace llmft
