#include <doctest/doctest.h>

#include <string>

#include "data/tokenizer/byte_level.h"
#include "data/unicode/classes.h"
#include "data/unicode/utf8.h"

namespace llmft::test {
namespace {

using namespace unicode;

// Counted with tokenizers 0.23.3: \p{L} and \p{N} by a Split pattern, \w by single_word, numeric by Digits, over every
// code point.
TEST_CASE("the classes have the sizes that the tokenizers library gives them") {
    int letters = 0, numbers = 0, spaces = 0, words = 0, numeric = 0;
    for (char32_t code = 0; code < 0x110000; ++code) {
        const uint8_t classes = classes_of(code);
        letters += (classes & kLetter) != 0;
        numbers += (classes & kNumber) != 0;
        spaces += (classes & kSpace) != 0;
        words += (classes & kWord) != 0;
        numeric += (classes & kNumeric) != 0;
    }
    CHECK(letters == 141028);
    CHECK(numbers == 1911);
    CHECK(spaces == 25);
    CHECK(words == 144667);
    CHECK(numeric == 1911 + 13);   // Unicode 17 has thirteen numbers more
    CHECK(classes_of(0x110000) == 0);
}

TEST_CASE("UTF-8 comes back as it was, and what is not well-formed is replaced part by part") {
    for (const char32_t code : {0x0u, 0x7fu, 0x80u, 0x7ffu, 0x800u, 0xffffu, 0x10000u, 0x10ffffu}) {
        std::string text;
        append_utf8(text, code);
        CHECK(decode_utf8(text, 0).value == code);
        CHECK(decode_utf8(text, 0).bytes == text.size());
    }
    // The parts that one U+FFFD stands for: Unicode 16, table 3-8.
    CHECK(lossy_utf8("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41") == "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdA");
    CHECK(lossy_utf8("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");
    CHECK(lossy_utf8("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42") == "\ufffd\ufffd\ufffd\ufffd\ufffdA\ufffd\ufffdB");
    CHECK(lossy_utf8("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41") == "\ufffd\ufffd\ufffd\ufffdA");
}

TEST_CASE("the byte alphabet names every byte once and goes back") {
    for (unsigned byte = 0; byte < 256; ++byte) {
        const auto back = byte_level_byte(byte_level_character(static_cast<uint8_t>(byte)));
        REQUIRE(back);
        CHECK(*back == byte);
    }
    CHECK(byte_level_character(' ') == 0x120);
    CHECK(byte_level_character(0xad) == 0x143);
    CHECK_FALSE(byte_level_byte(' '));
    CHECK_FALSE(byte_level_byte(0x144));
}

}   // namespace
}   // namespace llmft::test
