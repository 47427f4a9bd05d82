// The dtypes of the safetensors format that llmft reads: whole bytes, real numbers.
#pragma once

#include <cstdint>
#include <string_view>

namespace llmft {

// Bytes of an element; 0 where the format has no such dtype or llmft does not read it (complex, less than a byte).
int64_t safetensors_size_bytes(std::string_view dtype);
// Where the reference writer puts a dtype: greater ranks first.
int safetensors_write_rank(std::string_view dtype);

}   // namespace llmft
