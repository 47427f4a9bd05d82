#include "tools/report/samples.h"

#include <algorithm>

#include "data/chat.h"
#include "model/load.h"
#include "tools/generate/generator.h"
#include "tools/signals.h"

namespace llmft {
namespace {

constexpr int64_t kNewTokens = 64, kLongestPrompt = 1024;

DecodeShape decode_shape(const std::vector<SampleRow>& rows) {
    size_t longest = 0;
    for (const SampleRow& row : rows) longest = std::max(longest, row.prompt.size());
    return {.documents = static_cast<int64_t>(rows.size()), .capacity = static_cast<int64_t>(longest) + kNewTokens};
}

int64_t decode_bytes(const DecodeShape& shape, const PreparedRun& prepared) {
    Session dry(make_dry_device(), -1, prepared.config, prepared.chosen.shape, *prepared.tuning);
    Run run = dry.run();
    Arena arena(run.device, -1);
    Run beside = {.device = run.device, .stream = run.stream, .arena = arena, .rng = run.rng, .profile = run.profile};
    rehearse_decoding(dry.model(), shape, beside);
    return arena.peak_bytes();
}

std::vector<int32_t> ends_of_answers(const PreparedRun& prepared) {
    const Tokenizer& tokenizer = *prepared.data.tokenizer;
    std::vector<int32_t> ids = stop_ids(*prepared.model, prepared.config, tokenizer);
    if (ChatFormat::has_template(*prepared.model))
        if (const auto end = ChatFormat(*prepared.model, tokenizer).end_of_turn()) ids.push_back(*end);
    return ids;
}

std::optional<SampleRow> sample_row(const Example& example) {
    const auto learned = [](int32_t label) { return label >= 0; };
    const auto begin = std::find_if(example.labels.begin(), example.labels.end(), learned);
    const auto end = std::find_if_not(begin, example.labels.end(), learned);
    const auto prompt = begin - example.labels.begin(), whole = end - example.labels.begin();
    if (prompt == 0 || prompt == whole || prompt > kLongestPrompt) return std::nullopt;
    return SampleRow{.prompt = {example.ids.begin(), example.ids.begin() + prompt},
                     .reference = {example.ids.begin() + prompt, example.ids.begin() + whole}};
}

}   // namespace

std::vector<SampleRow> sample_rows(const TrainData& data, int64_t count) {
    std::vector<SampleRow> rows;
    if (!data.tokenizer) return rows;
    for (const Example& example : data.evaluation.empty() ? data.train.examples : data.evaluation) {
        if (static_cast<int64_t>(rows.size()) == count) break;
        if (auto row = sample_row(example)) rows.push_back(std::move(*row));
    }
    return rows;
}

std::vector<Sample> make_samples(const std::vector<SampleRow>& rows, const PreparedRun& prepared, Session& session,
                                 int64_t limit_bytes) {
    const DecodeShape shape = decode_shape(rows);
    const int64_t bytes = decode_bytes(shape, prepared);
    if (prepared.chosen.plan.peak_bytes + bytes > limit_bytes)
        throw OutOfMemory("answers before and after do not fit beside the run");
    Run run = session.run();
    Arena arena(run.device, bytes);
    Run beside = {.device = run.device, .stream = run.stream, .arena = arena, .rng = run.rng, .profile = run.profile};
    DecodeSlots slots(session.model(), shape, beside);
    const Tokenizer& tokenizer = *prepared.data.tokenizer;
    const auto text = [&](const std::vector<int32_t>& ids) { return tokenizer.decode(ids, SkipSpecialTokens::kYes); };
    std::vector<DecodePrompt> prompts;
    for (const SampleRow& row : rows) prompts.push_back({.ids = row.prompt});
    const GenerationOptions options = {.max_new_tokens = kNewTokens, .stop_ids = ends_of_answers(prepared)};
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
    for (size_t i = 0; i < rows.size(); ++i)
        samples.push_back({.prompt = tokenizer.decode(rows[i].prompt, SkipSpecialTokens::kNo),
                           .reference = text(rows[i].reference),
                           .before = text(before[i].ids),
                           .after = text(after[i].ids)});
    return samples;
}

}   // namespace llmft
