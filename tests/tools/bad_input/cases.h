// The set of bad input: each case spoils a good scene in one way. Its row is that of the set's table; 0 is a case that
// the table does not have. What every case has to show is in tests/tools/e2e_bad_input_test.cpp.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "tests/tools/e2e_scene.h"

namespace llmft::test {

struct BadCase {
    int row;
    const char* what;    // the variant
    const char* kind;    // "LAYOUT" of E-LAYOUT
    const char* named;   // a part of the line that says where
    void (*spoil)(Scene&);
    int code = 2;
};

struct CaseTable {
    const char* about;
    std::span<const BadCase> cases;
};

std::span<const BadCase> bad_lengths();
std::span<const BadCase> bad_headers();
std::span<const BadCase> bad_shapes();
std::span<const BadCase> bad_values();
std::span<const BadCase> bad_paths();
std::span<const BadCase> bad_shards();
std::span<const BadCase> bad_configs();
std::span<const BadCase> bad_rows();
std::span<const BadCase> bad_adapters();
std::span<const BadCase> bad_options();
std::span<const BadCase> bad_run_files();
std::span<const BadCase> bad_outputs();
std::span<const BadCase> bad_reads();
std::span<const BadCase> bad_checkpoints();

// What every line has to be: "llmft: error E-KIND: FILE: FIELD: what; remedy", with `named` in it. A flag stands for
// the file, and needs no field.
void expect_one_line(const std::string& err, const std::string& kind, const std::string& named);

// A model in four shards instead of the scene's; `edit` changes its index.
void shard(Scene&, const std::function<void(Json&)>& edit);
// An adapter of the scene's model, with a field of its config changed, is given to --adapter.
void with_adapter(Scene&, const std::string& field, const Json& value);
// `text` somewhere in a file becomes `other`.
void replace_text(const Path& file, std::string_view text, std::string_view other);

}   // namespace llmft::test
