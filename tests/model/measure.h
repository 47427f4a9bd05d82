// How far llmft lies from transformers, PEFT and torch in one golden case, as numbers: the tests check them against
// what is allowed, tests/oracle/parity.cpp prints them as a table.
#pragma once

#include "tests/model/golden.h"

namespace llmft::test {

struct Measured {
    std::string quantity;     // "logits", "loss", "gradients", …
    double error;             // relative, unless it is a count
    double allowed;           // where it comes from: measure.cpp
    std::string where = {};   // the tensor it was worst in, of several
};

// What case.json's kind asks for: logits, gradients, a training curve, a merge. Empty where the case's weights are not
// here, or for a kind that other tests compare (texts).
std::vector<Measured> measure(const Golden& golden, GemmEngine gemm);

// measure() of the kinds "merge" and "combine" (measure_merge.cpp).
std::vector<Measured> measure_merge(const Golden& golden, const std::filesystem::path& folder, GemmEngine gemm);
std::vector<Measured> measure_combination(const Golden& golden, const std::filesystem::path& folder, GemmEngine gemm);

// One forward and backward of the documents as one micro-batch, from the session's gradients as they stand.
Sums gradients_of(Session& session, std::span<const GoldenExample> documents);

}   // namespace llmft::test
