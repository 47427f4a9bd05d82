// A Hugging Face folder as a GGUF file, in the way of llama.cpp's converter (conversion/base.py, conversion/llama.py):
// written the other way round from what the reader does, so that the two have to agree.
#pragma once

#include <functional>

#include "engine/io/file.h"
#include "engine/io/json.h"
#include "tests/engine/gguf_bytes.h"

namespace llmft::test {

// The config's shape as values under the architecture's name, without a vocabulary.
GgufBytes gguf_values(const Json& config);
// The folder's weights behind them.
void add_tensors(GgufBytes& gguf, const Path& folder, const Json& config);
// Both.
GgufBytes gguf_of_folder(const Path& folder);

}   // namespace llmft::test
