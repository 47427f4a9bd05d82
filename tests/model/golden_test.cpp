// Every golden of transformers and PEFT that tests/golden holds, on every GEMM: logits, gradients, curves.
#include <doctest/doctest.h>

#include "tests/harness/skip.h"
#include "tests/model/measure.h"

using namespace llmft;
using namespace llmft::test;

namespace {

void check_golden(const std::string& name) {
    const Golden golden = read_golden(name);
    if (!golden.model_folder()) return skip("no data for " + name);
    for (const GemmEngine gemm : gemm_engines()) {
        const std::vector<Measured> all = measure(golden, gemm);
        CHECK(!all.empty());
        for (const Measured& one : all) {
            const bool close = one.error <= one.allowed;   // a NaN is not
            CHECK_MESSAGE(close, name << ": " << one.quantity << " " << one.where << " off by " << one.error
                                      << ", allowed " << one.allowed);
        }
    }
}

// The cases of a kind; `how_many` guards against a folder that vanished.
void check_kind(const std::string& ending, size_t how_many) {
    size_t found = 0;
    for (const std::string& name : golden_names())
        if (read_golden(name).kind().ends_with(ending)) ++found, check_golden(name);
    CHECK(found == how_many);
}

}   // namespace

TEST_CASE("logits equal transformers' for every family, rotary embedding and storage") {
    check_kind("logits", 20);
}

TEST_CASE("gradients of full fine-tuning equal torch's for every family") {
    check_kind("full_gradient", 11);
}

TEST_CASE("gradients of LoRA equal PEFT's for every option, and under the same dropout masks") {
    check_kind("lora_gradient", 30);
}

TEST_CASE("ten steps of LoRA follow PEFT and torch's AdamW, for options, dropout and bases in four bits") {
    check_kind("lora_curve", 12);
}

TEST_CASE("ten steps of full fine-tuning follow transformers and torch's AdamW") {
    check_kind("full_curve", 2);
}

TEST_CASE("merged models have PEFT's weights and logits, and are untied where embedding and head part") {
    check_kind("merge", 12);
}

TEST_CASE("adapters combine as PEFT's add_weighted_adapter does") {
    check_kind("combine", 2);
}

TEST_CASE("what the backward reruns changes no bit of the gradient") {
    for (const double dropout : {0.0, 0.3}) {
        CAPTURE(dropout);
        const Golden golden = read_golden("grad-lora-tiny-gqa");
        Tensors want;
        for (const Recompute policy : {Recompute::kNone, Recompute::kFfn, Recompute::kFull}) {
            Lora lora = Lora::from_folder(golden.adapter_folder(), dropout);
            const auto session = open_session(*golden.model_folder(), lora, {.recompute = policy, .seed = 7});
            gradients_of(*session, golden.examples);
            if (policy == Recompute::kNone)
                want = gradients(*session);
            else
                CHECK(gradients(*session) == want);
        }
    }
}
