// Generation against itself: whatever is decoded beside a document, however its prompt is cut and whatever is kept of
// earlier texts, its bits are the same. Against transformers: text_test.cpp.
#include "model/decode.h"

#include <doctest/doctest.h>

#include "model/adapter/full.h"
#include "tests/model/measure.h"

using namespace llmft;
using namespace llmft::test;

namespace {

constexpr const char* kModels[] = {"tiny-gqa", "tiny-mistral", "tiny-qwen2", "tiny-qwen3", "tiny-rope-dynamic"};

struct Opened {
    Full full;
    std::unique_ptr<Session> session;
    explicit Opened(const std::string& name, GemmEngine engine)
        : session(open_session(read_golden(name).folder, full, {.gemm = engine})) {}
    Decoder& model() { return session->model(); }
    DecodeSlots slots(const DecodeShape& shape) {
        Run run = session->run();
        return DecodeSlots(model(), shape, run);
    }
};

std::vector<GemmEngine> engines() {
    std::vector<GemmEngine> all = {GemmEngine::kPortable};
    if (cpu::gemm_has(GemmEngine::kOneDnn, DType::kF32)) all.push_back(GemmEngine::kOneDnn);
    return all;
}

std::vector<DecodePrompt> prompts_of(std::initializer_list<int> lengths) {
    std::vector<DecodePrompt> prompts;
    for (const int length : lengths) {
        DecodePrompt prompt = {.ids = {}, .text = static_cast<uint32_t>(prompts.size())};
        for (int i = 0; i < length; ++i)
            prompt.ids.push_back((7 * i + 11 * length + static_cast<int>(prompts.size())) % 90 + 3);
        prompts.push_back(std::move(prompt));
    }
    return prompts;
}

std::vector<std::vector<int32_t>> ids_of(const std::vector<Decoded>& all) {
    std::vector<std::vector<int32_t>> ids;
    for (const Decoded& one : all) ids.push_back(one.ids);
    return ids;
}

GenerationOptions sampled(int64_t tokens) {
    return {.max_new_tokens = tokens, .stop_ids = {5}, .sampling = {.temperature = 1.5, .top_p = 0.95, .seed = 9}};
}

}   // namespace

TEST_CASE("a document's logits have the same bits whatever is decoded beside it") {
    for (const char* name : kModels)
        for (const GemmEngine engine : engines()) {
            CAPTURE(name);
            CAPTURE(static_cast<int>(engine));
            Opened opened(name, engine);
            Run run = opened.session->run();
            const std::vector<DecodePrompt> prompts = prompts_of({3, 9, 1, 5, 6});
            DecodeSlots many = opened.slots({.documents = 5, .capacity = 16}), one = opened.slots({.capacity = 16});
            std::vector<DecodeSlots::Next> entries;
            for (size_t d = 0; d < prompts.size(); ++d) {
                many.feed(opened.model(), static_cast<int64_t>(d), prompts[d].ids, run);
                entries.push_back({.document = static_cast<int64_t>(d), .id = static_cast<int32_t>(d) + 20});
            }
            many.step(opened.model(), entries, run);
            const std::vector<float> together = many.step(opened.model(), entries, run);
            const size_t vocab = together.size() / entries.size();
            for (size_t d = 0; d < prompts.size(); ++d) {
                one.truncate(0, 0);
                one.feed(opened.model(), 0, prompts[d].ids, run);
                const DecodeSlots::Next next = {.document = 0, .id = entries[d].id};
                one.step(opened.model(), {&next, 1}, run);
                const std::vector<float> alone = one.step(opened.model(), {&next, 1}, run);
                CHECK(std::equal(alone.begin(), alone.end(), together.begin() + static_cast<ptrdiff_t>(d * vocab)));
            }
        }
}

TEST_CASE("texts are the same one by one and side by side, greedy and sampled, in places that others had before") {
    for (const GemmEngine engine : engines()) {
        Opened opened("tiny-gqa", engine);
        Run run = opened.session->run();
        const std::vector<DecodePrompt> prompts = prompts_of({3, 9, 1, 5, 6, 2, 12});
        for (const GenerationOptions& options :
             {sampled(20), GenerationOptions{.max_new_tokens = 20, .stop_ids = {}, .sampling = {}}}) {
            DecodeSlots one = opened.slots({.capacity = 40}), three = opened.slots({.documents = 3, .capacity = 40});
            const std::vector<Decoded> alone = generate(opened.model(), one, prompts, options, {}, run);
            CHECK(ids_of(alone) == ids_of(generate(opened.model(), three, prompts, options, {}, run)));
            CHECK(ids_of(alone) == ids_of(generate(opened.model(), three, prompts, options, {}, run)));
            for (const Decoded& decoded : alone) {
                const bool stopped = std::find(options.stop_ids.begin(), options.stop_ids.end(), decoded.ids.back()) !=
                                     options.stop_ids.end();
                CHECK(decoded.finish == (stopped ? FinishReason::kStop : FinishReason::kLength));
                if (!stopped) CHECK(decoded.ids.size() == 20);
            }
        }
        const GenerationOptions other = {
            .max_new_tokens = 20, .stop_ids = {5}, .sampling = {.temperature = 1.5, .top_p = 0.95, .seed = 10}};
        DecodeSlots one = opened.slots({.capacity = 40});
        CHECK(ids_of(generate(opened.model(), one, prompts, sampled(20), {}, run)) !=
              ids_of(generate(opened.model(), one, prompts, other, {}, run)));
    }
}

TEST_CASE("a text of which there is enough ends there, and the others go on as before") {
    Opened opened("tiny-gqa", GemmEngine::kPortable);
    Run run = opened.session->run();
    const std::vector<DecodePrompt> prompts = prompts_of({3, 9, 1, 5});
    const GenerationOptions options = {.max_new_tokens = 12, .stop_ids = {}, .sampling = {}};
    DecodeSlots slots = opened.slots({.documents = 2, .capacity = 40});
    const std::vector<Decoded> whole = generate(opened.model(), slots, prompts, options, {}, run);
    std::vector<size_t> ended;
    const DecodeEvents events = {
        .is_enough = [](size_t prompt, std::span<const int32_t> ids) { return prompt % 2 == 1 && ids.size() == 4; },
        .on_end = [&](size_t prompt) { ended.push_back(prompt); }};
    const std::vector<Decoded> some = generate(opened.model(), slots, prompts, options, events, run);
    for (size_t i = 0; i < prompts.size(); ++i) {
        const bool cut = i % 2 == 1;
        const auto begin = whole[i].ids.begin();
        CHECK(some[i].ids == std::vector<int32_t>(begin, begin + (cut ? 4 : 12)));
        CHECK(some[i].finish == (cut ? FinishReason::kEnough : FinishReason::kLength));
    }
    std::sort(ended.begin(), ended.end());
    CHECK(ended == std::vector<size_t>{0, 1, 2, 3});
}

TEST_CASE("a prompt that is computed in chunks has the bits of the whole, with the portable products") {
    for (const char* name : {"tiny-gqa", "tiny-mistral", "tiny-qwen3"}) {
        CAPTURE(name);
        Opened opened(name, GemmEngine::kPortable);
        Run run = opened.session->run();
        const std::vector<int32_t> ids = prompts_of({29}).front().ids;
        DecodeSlots whole = opened.slots({.capacity = 30});
        const std::vector<float> want = whole.feed(opened.model(), 0, ids, run);
        for (const int64_t chunk : {1, 4, 7, 28}) {
            DecodeSlots cut = opened.slots({.capacity = 30, .chunk = chunk});
            CHECK(cut.feed(opened.model(), 0, ids, run) == want);
        }
    }
}

TEST_CASE("what a conversation keeps of its past changes nothing, also where the past was rewritten") {
    Opened opened("tiny-gqa", GemmEngine::kPortable);
    Run run = opened.session->run();
    GenerationOptions keeps = sampled(6), forgets = sampled(6);
    keeps.past = GenerationOptions::Past::kKept;
    DecodeSlots kept = opened.slots({.capacity = 60}), fresh = opened.slots({.capacity = 60});
    std::vector<int32_t> conversation = prompts_of({5}).front().ids;
    for (int turn = 0; turn < 4; ++turn) {
        const DecodePrompt prompt = {.ids = conversation};
        const std::vector<Decoded> got = generate(opened.model(), kept, {&prompt, 1}, keeps, {}, run);
        CHECK(ids_of(got) == ids_of(generate(opened.model(), fresh, {&prompt, 1}, forgets, {}, run)));
        if (turn == 2) conversation[3] = 77;   // a template that shortens what was said
        conversation.insert(conversation.end(), got.front().ids.begin(), got.front().ids.end());
        conversation.push_back(30 + turn);
    }
    const DecodePrompt same = {.ids = conversation};   // nothing new but the last token's logits
    const auto first = ids_of(generate(opened.model(), kept, {&same, 1}, keeps, {}, run));
    CHECK(first == ids_of(generate(opened.model(), kept, {&same, 1}, keeps, {}, run)));
}

TEST_CASE("generation ends at the capacity, at zero tokens, and where it is asked to") {
    Opened opened("tiny-gqa", GemmEngine::kPortable);
    Run run = opened.session->run();
    const std::vector<DecodePrompt> prompts = prompts_of({4, 4, 4});
    DecodeSlots slots = opened.slots({.documents = 2, .capacity = 8});
    for (const Decoded& decoded :
         generate(opened.model(), slots, prompts, {.max_new_tokens = 100, .stop_ids = {}}, {}, run)) {
        CHECK(decoded.ids.size() == 5);   // the last one needs no place in the cache
        CHECK(decoded.finish == FinishReason::kLength);
    }
    for (const Decoded& decoded :
         generate(opened.model(), slots, prompts, {.max_new_tokens = 0, .stop_ids = {}}, {}, run))
        CHECK(decoded.ids.empty());
    int asked = 0;
    const std::vector<Decoded> stopped =
        generate(opened.model(), slots, prompts, {.max_new_tokens = 100, .stop_ids = {}},
                 {.on_token = nullptr, .stop_requested = [&] { return ++asked > 2; }}, run);
    CHECK(stopped[0].finish == FinishReason::kInterrupted);
    CHECK(stopped[0].ids.size() == 3);
    CHECK(stopped[2].finish == FinishReason::kInterrupted);
    CHECK(stopped[2].ids.empty());
}
