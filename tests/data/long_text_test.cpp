#include <doctest/doctest.h>
#include <pthread.h>

#include <string>

#include "data/tokenizer/tokenizer.h"
#include "tests/data/small_tokenizer.h"
#include "tests/harness/sanitizers.h"
#include "tests/harness/skip.h"
#include "tests/harness/test_data.h"

namespace llmft::test {
namespace {

constexpr size_t kMany = kSanitized ? 1'000'000 : 10'000'000;   // recursion would need far fewer

// Runs `act` on a thread with a stack of 256 KiB: recursion on the text would end it.
template <class Act>
void on_small_stack(Act act) {
    pthread_attr_t attributes;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstacksize(&attributes, size_t{256} << 10) == 0);
    pthread_t thread;
    const auto call = [](void* it) -> void* {
        (*static_cast<Act*>(it))();
        return nullptr;
    };
    REQUIRE(pthread_create(&thread, &attributes, call, &act) == 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
}

// Every token stands for its share of one long run.
void check_long_runs(const Tokenizer& tokenizer) {
    for (const char c : {'A', ' ', '\n', '7'}) {
        std::string decoded;
        const std::string text(kMany, c);
        on_small_stack(
            [&] { decoded = tokenizer.decode(tokenizer.encode(text, AddSpecialTokens::kNo), SkipSpecialTokens::kNo); });
        CHECK(decoded == text);
    }
}

TEST_CASE("millions of equal characters are one text like any other, on a small stack") {
    SUBCASE("characters and bytes") {
        check_long_runs(Tokenizer::load(TokenizerFolder().path()));
    }
    SUBCASE("GPT-2's pre-tokens") {
        const auto folder = test_data("weights/smollm2-135m-instruct");
        if (!folder) return skip("no weights/smollm2-135m-instruct");
        check_long_runs(Tokenizer::load(*folder));
    }
}

TEST_CASE("long and short texts merge alike, whichever queue orders the merges") {
    const Tokenizer tokenizer = Tokenizer::load(TokenizerFolder().path());
    const auto count = [&](size_t times) {
        std::string text;
        for (size_t i = 0; i < times; ++i) text += "ab cabc ";
        return tokenizer.encode(text, AddSpecialTokens::kNo);
    };
    const auto unit = count(2), one = count(1);   // each further repeat adds the same tokens
    const size_t step = unit.size() - one.size();
    for (const size_t times : {size_t{3}, size_t{4}, size_t{100}, size_t{511}, size_t{513}, size_t{20000}}) {
        const auto got = count(times);
        REQUIRE(got.size() == one.size() + (times - 1) * step);
        for (size_t i = 0; i + step < got.size() - 1; ++i) CHECK_MESSAGE(got[i] == got[i + step], times);
    }
}

}   // namespace
}   // namespace llmft::test
