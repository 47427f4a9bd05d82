// What makes the families differ, in equalities that need no reference: windows, norms of heads, and frequencies that
// follow a document's length, with and without a cache of keys and values.
#include <doctest/doctest.h>

#include "model/decode.h"
#include "tests/harness/temp_folder.h"
#include "tests/model/measure.h"

using namespace llmft;
using namespace llmft::test;

namespace {

// A golden's model with some keys of its config.json changed.
class ChangedModel {
public:
    ChangedModel(const std::string& name, const Json& changes) {
        const std::filesystem::path from = read_golden(name).folder;
        Json config = parse_json_file(from / "config.json", JsonLimits{});
        config.update(changes);
        folder_.write("config.json", config.dump());
        std::filesystem::copy_file(from / "model.safetensors", folder_.path() / "model.safetensors");
    }
    const std::filesystem::path& path() const { return folder_.path(); }

private:
    TempFolder folder_;
};

GoldenExample first_tokens(const GoldenExample& example, size_t count) {
    return {{example.ids.begin(), example.ids.begin() + static_cast<int64_t>(count)},
            {example.labels.begin(), example.labels.begin() + static_cast<int64_t>(count)}};
}

Tensors full_gradients(const std::filesystem::path& model, std::span<const GoldenExample> examples,
                       Recompute recompute = Recompute::kNone) {
    Full full;
    const auto session = open_session(model, full, {.recompute = recompute});
    gradients_of(*session, examples);
    return gradients(*session);
}

using Rows = std::vector<std::vector<float>>;

// The last row's logits after the first `at_once` tokens and after each one more, every time from the start.
Rows whole_logits(const std::filesystem::path& model, const GoldenExample& example, size_t at_once) {
    Full full;
    const auto session = open_session(model, full, {});
    Run run = session->run();
    Rows rows;
    for (size_t end = at_once; end <= example.ids.size(); ++end) {
        const GoldenExample part = first_tokens(example, end);
        rows.push_back(session->model().logits(session->slots().upload(flat_batch({&part, 1}, 0), run), 1, run));
    }
    return rows;
}

// The same over a cache: the first tokens at once, the others one by one.
Rows cached_logits(const std::filesystem::path& model, const GoldenExample& example, size_t at_once) {
    Full full;
    const auto session = open_session(model, full, {});
    Run run = session->run();
    DecodeSlots slots(session->model(), {.documents = 1, .capacity = static_cast<int64_t>(example.ids.size())}, run);
    Rows rows;
    for (size_t first = 0, end = at_once; end <= example.ids.size(); first = end++)
        rows.push_back(slots.feed(session->model(), 0, std::span(example.ids).subspan(first, end - first), run));
    return rows;
}

}   // namespace

TEST_CASE("a window as long as the longest document changes no bit of the gradient, a shorter one does") {
    for (const char* name : {"tiny-mistral", "tiny-qwen2-window"}) {
        CAPTURE(name);
        const std::vector<GoldenExample> examples = read_golden(name).examples;   // of 1, 13 and 29 tokens
        const auto of = [&](const Json& window) {
            return full_gradients(ChangedModel(name, {{"sliding_window", window}}).path(), examples);
        };
        const auto none = of(nullptr);
        CHECK(of(29) == none);
        CHECK(of(27) != none);   // the last token has no loss, so 28 would do the same as 29
    }
}

TEST_CASE("token by token over a cache, logits have the bits of the whole document, for every family") {
    for (const char* name :
         {"tiny-gqa", "tiny-mistral", "tiny-mistral-dim", "tiny-qwen2", "tiny-qwen2-window", "tiny-qwen2-types",
          "tiny-qwen3", "tiny-llama-bias", "tiny-rope-linear", "tiny-rope-yarn", "tiny-rope-yarn-mscale"}) {
        CAPTURE(name);
        const Golden golden = read_golden(name);
        const GoldenExample& longest = golden.examples.back();
        CHECK(cached_logits(golden.folder, longest, 5) == whole_logits(golden.folder, longest, 5));
    }
}

TEST_CASE("where frequencies follow the length, the cache changes no bit while the document stays on one side") {
    constexpr size_t kOriginal = 16;
    for (const char* name : {"tiny-rope-dynamic", "tiny-rope-longrope"}) {
        CAPTURE(name);
        const Golden golden = read_golden(name);
        const GoldenExample shorter = first_tokens(golden.examples.back(), kOriginal);
        CHECK(cached_logits(golden.folder, shorter, 5) == whole_logits(golden.folder, shorter, 5));
    }
    const Golden golden = read_golden("tiny-rope-longrope");   // its long documents share their frequencies
    const GoldenExample& longest = golden.examples.back();
    CHECK(cached_logits(golden.folder, longest, kOriginal + 1) == whole_logits(golden.folder, longest, kOriginal + 1));
}

TEST_CASE("a document that grows past the original length keeps its cached keys, as in transformers") {
    for (const char* name : {"cached-tiny-rope-dynamic", "cached-tiny-rope-longrope"}) {
        CAPTURE(name);
        const Golden golden = read_golden(name);
        const auto at_once = golden.case_json.at("at_once").get<size_t>();
        const Rows got = cached_logits(*golden.model_folder(), golden.examples.front(), at_once);
        std::vector<float> rows;
        for (const std::vector<float>& row : got) rows.insert(rows.end(), row.begin(), row.end());
        const Safetensors tensors = golden.tensors();
        const SafeTensor* want = tensors.find("logits.0");
        REQUIRE(want != nullptr);
        CHECK(relative_error(rows, *want) <= 5e-6);   // f32 through two blocks, as in measure.cpp
    }
}

TEST_CASE("a document's logits do not depend on the documents beside it where frequencies follow the length") {
    for (const char* name : {"tiny-rope-dynamic", "tiny-rope-longrope"}) {
        CAPTURE(name);
        const Golden golden = read_golden(name);   // documents of 1, 13 and 29 tokens
        Full full;
        const auto session = open_session(golden.folder, full, {});
        Run run = session->run();
        std::vector<float> alone;
        for (const GoldenExample& example : golden.examples)
            for (const float x : logits_of(*session, example)) alone.push_back(x);
        const HostBatch all = flat_batch(golden.examples, 0);
        CHECK(session->model().logits(session->slots().upload(all, run), all.tokens(), run) == alone);
    }
}

TEST_CASE("what the backward reruns changes no bit of the gradient in any family") {
    for (const char* name :
         {"tiny-mistral", "tiny-qwen2-window", "tiny-qwen3", "tiny-llama-bias", "tiny-rope-longrope"}) {
        CAPTURE(name);
        const Golden golden = read_golden(name);
        const auto want = full_gradients(golden.folder, golden.examples);
        CHECK(full_gradients(golden.folder, golden.examples, Recompute::kFfn) == want);
        CHECK(full_gradients(golden.folder, golden.examples, Recompute::kFull) == want);
    }
}

TEST_CASE("a plan counts the pairs that a window leaves") {
    const auto flops = [](const Json& window) {
        const ChangedModel model("tiny-mistral", {{"sliding_window", window}});
        Full full;
        const Plan plan = plan_session(read_model_config(model.path()), {.tokens = 40, .recompute = {}}, 20, full);
        double sum = 0;
        for (const Profile::Row& row : plan.ops)
            if (row.op == "attention_forward") sum += row.cost.flops;
        return sum;
    };
    // Two documents of 20: 210 pairs each, and with a window of 7, 28 and 13·7.
    CHECK(flops(7) / flops(nullptr) == doctest::Approx(119.0 / 210.0).epsilon(1e-12));
}
