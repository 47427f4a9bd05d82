#include <doctest/doctest.h>

#include "kernels/base/philox.h"

namespace llmft::test {

// Known answers published with the paper (Random123, kat_vectors: philox4x32 10).
TEST_CASE("philox4x32_10 gives the published answers") {
    struct Known {
        PhiloxCounter counter;
        PhiloxKey key;
        PhiloxCounter answer;
    };
    const Known known[] = {
        {{{0, 0, 0, 0}}, {{0, 0}}, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
        {{{~0u, ~0u, ~0u, ~0u}}, {{~0u, ~0u}}, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
        {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
         {{0xa4093822, 0x299f31d0}},
         {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
    };
    for (const Known& k : known) {
        const PhiloxCounter got = philox4x32_10(k.counter, k.key);
        for (int i = 0; i < 4; ++i) CHECK(got.word[i] == k.answer.word[i]);
    }
}

}   // namespace llmft::test
