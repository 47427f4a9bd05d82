// Regular expressions from outside: bounded in size and in work.
#include "engine/io/pattern.h"

#include <doctest/doctest.h>

#include "tests/engine/refusal.h"

using namespace llmft;
using namespace llmft::test;

TEST_CASE("an expression has at most 4096 bytes") {
    CHECK(Pattern(std::string(Pattern::kMaxBytes, 'a'), "f", "p").full_match(std::string(Pattern::kMaxBytes, 'a')));
    const Refusal refusal = refusal_of([] { Pattern(std::string(Pattern::kMaxBytes + 1, 'a'), "f", "p"); });
    CHECK(refusal.kind == "RANGE");
    CHECK(refusal.names("f: p: "));
}

TEST_CASE("an expression whose work doubles with every letter is refused where that is seen") {
    const Pattern pattern("(a+)+", "f", "p");
    CHECK(pattern.full_match("aa"));
    const Refusal refusal = refusal_of([&] { pattern.full_match(std::string(64, 'a') + "c"); });
    CHECK(refusal.kind == "LIMIT");
    CHECK(refusal.names("takes too many steps"));
}
