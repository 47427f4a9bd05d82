#include "tools/report/samples.h"

#include <algorithm>

#include "model/load.h"
#include "tools/generate/generator.h"
#include "tools/inference.h"
#include "tools/signals.h"

namespace llmft {
namespace {

constexpr int64_t kNewTokens = 64, kLongestPrompt = 1024;

DecodeShape decode_shape(const std::vector<Question>& questions) {
    size_t longest = 0;
    for (const Question& question : questions) longest = std::max(longest, question.prompt.size());
    return {.documents = static_cast<int64_t>(questions.size()),
            .capacity = static_cast<int64_t>(longest) + kNewTokens};
}

int64_t decode_bytes(const DecodeShape& shape, const PreparedRun& prepared) {
    Session dry(make_dry_device(), -1, prepared.config, prepared.chosen.shape, *prepared.tuning);
    Run run = dry.run();
    Arena arena(run.device, -1);
    Run beside = {.device = run.device, .stream = run.stream, .arena = arena, .rng = run.rng, .profile = run.profile};
    rehearse_decoding(dry.model(), shape, beside);
    return arena.peak_bytes();
}

}   // namespace

std::vector<Question> sample_questions(const TrainData& data, int64_t count) {
    std::vector<Question> questions;
    if (!data.tokenizer) return questions;
    for (const Example& row : data.evaluation.empty() ? data.train.examples : data.evaluation) {
        if (static_cast<int64_t>(questions.size()) == count) break;
        auto question = question_of(row, *data.tokenizer);
        if (question && static_cast<int64_t>(question->prompt.size()) <= kLongestPrompt)
            questions.push_back(std::move(*question));
    }
    return questions;
}

std::vector<Sample> make_samples(const std::vector<Question>& questions, const PreparedRun& prepared, Session& session,
                                 int64_t limit_bytes) {
    const DecodeShape shape = decode_shape(questions);
    const int64_t bytes = decode_bytes(shape, prepared);
    if (prepared.chosen.plan.peak_bytes + bytes > limit_bytes)
        throw OutOfMemory("answers before and after do not fit beside the run");
    Run run = session.run();
    Arena arena(run.device, bytes);
    Run beside = {.device = run.device, .stream = run.stream, .arena = arena, .rng = run.rng, .profile = run.profile};
    DecodeSlots slots(session.model(), shape, beside);
    const Tokenizer& tokenizer = *prepared.data.tokenizer;
    std::vector<DecodePrompt> prompts;
    for (const Question& question : questions) prompts.push_back({.ids = question.prompt});
    const GenerationOptions options = {.max_new_tokens = kNewTokens,
                                       .stop_ids = answer_ends(*prepared.model, prepared.config, tokenizer)};
    const auto answer = [&] {
        return generate(session.model(), slots, prompts, options,
                        {.on_token = nullptr, .stop_requested = stop_requested}, beside);
    };

    prepared.tuning->before_step(prepared.steps, run);   // publishes the last step's masters
    const std::vector<Decoded> after = answer();
    for (const Parameter& p : std::as_const(session.model()).parameters().parameters())
        run.device.zero(p.value, run.stream);   // as in a new session: what starts from zero is not written
    load_weights(session.model(), *prepared.weights, run);
    prepared.tuning->initialise(session.model(), run);
    prepared.tuning->before_step(0, run);
    const std::vector<Decoded> before = answer();
    std::vector<Sample> samples;
    for (size_t i = 0; i < questions.size(); ++i)
        samples.push_back({.prompt = tokenizer.decode(questions[i].prompt, SkipSpecialTokens::kNo),
                           .reference = questions[i].wanted,
                           .before = answer_text(before[i].ids, tokenizer),
                           .after = answer_text(after[i].ids, tokenizer)});
    return samples;
}

}   // namespace llmft
