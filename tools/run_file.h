// Run files: TOML with one snake_case key per option at the top level, `lora_r = 16` for `--lora-r 16`. A comma list
// may be an array; where "true" is a text that an option takes, true is too. llmft writes run.toml with everything a
// run used, so that it can be run again.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/option.h"

namespace llmft {

// Sets the options that the file names. `options[0]` is --config itself and no key. Names of `others` (options of other
// commands) are passed over, with a note. Throws UserError that names file, line and key: MISSING, LIMIT (over 256
// KiB), ENCODING, SYNTAX, EXTRA (unknown key; suggests the nearest), SCHEMA (wrong type), and what set_value throws.
// Options set before the error keep their new values.
void read_run_file(const std::filesystem::path& path, std::vector<Option>& options,
                   const std::set<std::string>& others = {});

// Keys and values as flags have them, in the order of the file, whatever command they are of. Errors likewise.
std::vector<std::pair<std::string, std::string>> run_file_values(const std::filesystem::path& path);

// Every option that has a value, by group, doubles exact.
std::string run_file_text(std::string_view command, const std::vector<Option>& options);

}   // namespace llmft
