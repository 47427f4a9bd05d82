#include "engine/log/columns.h"

#include <doctest/doctest.h>

using namespace llmft;

TEST_CASE("wide characters take two columns, marks that combine none, all others one") {
    CHECK(terminal_columns_of("") == 0);
    CHECK(terminal_columns_of("step 1") == 6);
    CHECK(terminal_columns_of("größe…") == 6);
    CHECK(terminal_columns_of("模型") == 4);
    CHECK(terminal_columns_of("한국") == 4);
    CHECK(terminal_columns_of("e\xcc\x81") == 1);   // e and an acute accent
    CHECK(terminal_columns_of("🚀") == 2);
}

TEST_CASE("a text is cut before the character that would pass the last column") {
    CHECK(first_columns("abc", 5) == "abc");
    CHECK(first_columns("abc", 2) == "ab");
    CHECK(first_columns("模型", 3) == "模");
    CHECK(first_columns("模型", 4) == "模型");
    CHECK(first_columns("模型", 1) == "");
    CHECK(first_columns("e\xcc\x81x", 1) == "e\xcc\x81");
}
