// Real models against transformers (tests/oracle/texts.py): the likelihood of every token of three texts, computed on
// ids that our tokenizer must reproduce, and greedy continuations of three prompts through the key/value cache.
//
// Tolerance of a token's nll: f32 logits of size 10–20 carry about 2^-24·20·√(2·layers·width) ≈ 1e-5 for the story
// models and 1e-4 for SmolLM2's thirty layers; a factor of three for the softmax. Greedy ids must be equal: the
// goldens' smallest distance between the best two logits is 0.0096.
#include <doctest/doctest.h>

#include <cstdlib>

#include "data/tokenizer/tokenizer.h"
#include "model/decode.h"
#include "tests/harness/compare.h"
#include "tests/harness/skip.h"
#include "tests/model/golden.h"
#include "tools/generate/generator.h"
#include "tools/inference.h"

using namespace llmft;
using namespace llmft::test;

namespace {

std::optional<std::filesystem::path> folder_of(const Golden& golden) {
    if (golden.folder.filename() != "text-smollm2") return golden.model_folder();
    const char* named = std::getenv("LLMFT_TEST_SMOLLM2");   // 270 MB: nowhere in the repository's reach
    if (named == nullptr) return std::nullopt;
    return std::filesystem::path(named);
}

ModelOptions options_of(const std::filesystem::path& folder, bool portable) {
    ModelOptions options;
    options.model = folder.string();
    options.portable = portable;
    return options;
}

void check_nll(const Golden& golden, const ModelOptions& options, double tolerance) {
    const FolderModel source(options.model);
    const ModelConfig config = read_model_config(source);
    constexpr int64_t kTokens = 128;
    Inference model = open_inference(options, source, config, kTokens, [&](Session& dry) {
        Run run = dry.run();
        dry.model().evaluate(dry.slots().upload(full_batch(kTokens, kTokens), run), run);
    });
    Run run = model.session->run();
    // All texts in one micro-batch: documents do not see each other.
    const HostBatch batch = flat_batch(golden.examples, 0);
    const Decoder::Scores scores = model.session->model().score(model.session->slots().upload(batch, run), run);
    size_t at = 0;
    for (const Json& text : golden.expected.at("nll"))
        for (const Json& want : text) {
            REQUIRE(at < scores.nll.size());
            check_close("nll", scores.nll[at++], want.get<double>(),
                        {.rel = 1e-5, .abs = tolerance, .why = "f32 logits, see above"});
        }
    CHECK(at == scores.nll.size());
}

void check_greedy(const Golden& golden, const ModelOptions& options) {
    const FolderModel source(options.model);
    const ModelConfig config = read_model_config(source);
    const auto new_tokens = golden.case_json.at("new_tokens").get<int64_t>();
    for (const Json& want : golden.expected.at("greedy")) {
        const auto prompt = want.at("prompt_ids").get<std::vector<int32_t>>();
        const auto length = static_cast<int64_t>(prompt.size());
        const DecodeShape shape = {.documents = 1, .capacity = length + new_tokens};
        Inference model = open_inference(options, source, config, shape.tokens(),
                                         [&](Session& dry) { rehearse_generation(dry, shape); });
        Run run = model.session->run();
        DecodeSlots slots(model.session->model(), shape, run);
        const GenerationOptions how = {.max_new_tokens = new_tokens,
                                       .stop_ids = {config.eos_token_ids.begin(), config.eos_token_ids.end()}};
        const DecodePrompt one = {.ids = prompt};
        CHECK(generate(model.session->model(), slots, {&one, 1}, how, {}, run).front().ids ==
              want.at("new_ids").get<std::vector<int32_t>>());
    }
}

void check_tokens(const Golden& golden, const std::filesystem::path& folder) {
    const Tokenizer tokenizer = Tokenizer::load(folder);
    const Json batch = parse_json_file(golden.folder / "batch.json", JsonLimits{});
    for (const Json& one : batch)
        CHECK(tokenizer.encode(one.at("text").get<std::string>(), AddSpecialTokens::kYes) ==
              one.at("input_ids").get<std::vector<int32_t>>());
    for (const Json& want : golden.expected.at("greedy"))
        CHECK(tokenizer.decode(want.at("new_ids").get<std::vector<int32_t>>(), SkipSpecialTokens::kYes) ==
              want.at("text").get<std::string>());
}

void check_model(const std::string& name, double tolerance, bool portable) {
    CAPTURE(name);
    const Golden golden = read_golden(name);
    const auto folder = folder_of(golden);
    if (!folder) return skip("no model for " + name);
    check_tokens(golden, *folder);
    check_nll(golden, options_of(*folder, portable), tolerance);
    check_greedy(golden, options_of(*folder, portable));
}

}   // namespace

TEST_CASE("story-llama: ids, likelihoods and greedy text equal transformers'") {
    check_model("text-story-llama", 3e-5, true);
    check_model("text-story-llama", 3e-5, false);
}

TEST_CASE("stories260K: ids, likelihoods and greedy text equal transformers'") {
    check_model("text-stories260k", 3e-5, true);
}

TEST_CASE("SmolLM2-135M-Instruct: ids, likelihoods and greedy text equal transformers'") {
    check_model("text-smollm2", 3e-4, false);
}
