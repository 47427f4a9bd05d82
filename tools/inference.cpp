#include "tools/inference.h"

#include <algorithm>

#include "data/chat.h"
#include "engine/io/json_field.h"
#include "model/load.h"

namespace llmft {

namespace {

SessionShape shape_of(const ModelOptions& options, const ModelConfig& config, int64_t tokens) {
    return {.dtype = options.compute_dtype(),
            .tokens = tokens,
            .recompute = {},
            .use = SessionShape::Use::kEvaluate,
            .quantization = options.resolved_quantization(config)};
}

}   // namespace

Inference open_inference(const ModelOptions& options, const ModelSource& model, const ModelConfig& config,
                         int64_t tokens, const std::function<void(Session&)>& use) {
    return open_inference(options, model, config, make_inference(options.adapter), tokens, use);
}

Inference open_inference(const ModelOptions& options, const ModelSource& model, const ModelConfig& config,
                         std::unique_ptr<Tuning> tuning, int64_t tokens, const std::function<void(Session&)>& use) {
    const auto weights = model.weights();
    const int64_t bytes = inference_bytes(options, config, *tuning, tokens, use);
    Inference inference = {.tuning = std::move(tuning), .session = nullptr};
    inference.session = std::make_unique<Session>(options.make_device(), bytes, config,
                                                  shape_of(options, config, tokens), *inference.tuning);
    Run run = inference.session->run();
    load_weights(inference.session->model(), *weights, run);
    inference.tuning->initialise(inference.session->model(), run);
    inference.tuning->before_step(0, run);
    return inference;
}

int64_t inference_bytes(const ModelOptions& options, const ModelConfig& config, Tuning& tuning, int64_t tokens,
                        const std::function<void(Session&)>& use) {
    Session dry(make_dry_device(), -1, config, shape_of(options, config, tokens), tuning);
    use(dry);
    return dry.arena().peak_bytes();
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

std::vector<int32_t> answer_ends(const ModelSource& model, const ModelConfig& config, const Tokenizer& tokenizer) {
    std::vector<int32_t> ids = stop_ids(model, config, tokenizer);
    if (!ChatFormat::has_template(model)) return ids;
    try {
        if (const auto end = ChatFormat(model, tokenizer).end_of_turn()) ids.push_back(*end);
    } catch (const UserError&) {   // rows that need the template have refused it before
    }
    return ids;
}

}   // namespace llmft
