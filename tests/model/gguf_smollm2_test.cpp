// A real model: SmolLM2-135M-Instruct in Q4_1 and Q8_0 against the f32 folder that get_smollm2.py makes of the same
// file
// (--dtype f32), which are nowhere in the repository's reach: $LLMFT_TEST_SMOLLM2_GGUF and $LLMFT_TEST_SMOLLM2_F32.
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>

#include "data/tokenizer/tokenizer.h"
#include "tests/harness/skip.h"
#include "tests/model/golden.h"
#include "tools/open_model.h"

using namespace llmft;
using namespace llmft::test;

namespace {

std::vector<float> logits_of(const std::string& model, const GoldenExample& example) {
    Lora none({.r = 1, .alpha = 1, .dropout = 0, .target_modules = "q_proj"}, 0);
    const auto session = open_session(model, none, {.gemm = GemmEngine::kPortable, .tokens = 64});
    Run run = session->run();
    return session->model().logits(session->slots().upload(flat_batch({&example, 1}, 0), run),
                                   static_cast<int64_t>(example.ids.size()), run);
}

}   // namespace

TEST_CASE("SmolLM2's GGUF file has the weights, ids and logits of its f32 folder, bit for bit") {
    const char* gguf = std::getenv("LLMFT_TEST_SMOLLM2_GGUF");
    const char* f32 = std::getenv("LLMFT_TEST_SMOLLM2_F32");
    if (gguf == nullptr || f32 == nullptr) return skip("no $LLMFT_TEST_SMOLLM2_GGUF or $LLMFT_TEST_SMOLLM2_F32");
    const auto file = open_model(gguf), folder = open_model(f32);
    const auto a = file->weights(), b = folder->weights();
    REQUIRE(a->tensors().size() == b->tensors().size());
    std::vector<std::byte> a_scratch, b_scratch;
    for (const StoredTensor& tensor : a->tensors()) {
        CAPTURE(tensor.name);
        REQUIRE(tensor.shape == b->at(tensor.name).shape);
        const int64_t rows = tensor.shape.size() == 1 ? 1 : tensor.shape[0];
        const StoredRows x = a->rows(tensor, 0, rows, a_scratch), y = b->rows(b->at(tensor.name), 0, rows, b_scratch);
        REQUIRE(x.bytes.size() == y.bytes.size());
        CHECK(std::memcmp(x.bytes.data(), y.bytes.data(), x.bytes.size()) == 0);
        b->release(tensor);
    }

    const Tokenizer made = Tokenizer::load(*file), published = Tokenizer::load(*folder);
    CHECK(made.vocab_size() == published.vocab_size());
    for (int32_t id = 0; id < published.vocab_size(); ++id) {
        REQUIRE(made.token(id) == published.token(id));
        REQUIRE(made.is_special(id) == published.is_special(id));
    }
    CHECK(made.special_tokens().bos->id == published.special_tokens().bos->id);
    CHECK(made.special_tokens().eos->id == published.special_tokens().eos->id);
    CHECK(file->text("chat_template.jinja", 1 << 20) == folder->text("chat_template.jinja", 1 << 20));

    constexpr const char* kText = "The capital of France is Paris, and 1,234 people\n\n know it.";
    const std::vector<int32_t> ids = made.encode(kText, AddSpecialTokens::kYes);
    CHECK(ids == published.encode(kText, AddSpecialTokens::kYes));
    const GoldenExample example = {.ids = ids, .labels = ids};
    CHECK(logits_of(gguf, example) == logits_of(f32, example));
}
