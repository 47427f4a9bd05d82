// bitsandbytes' serialised four-bit weights in safetensors (0.50.2, nn/modules.py and functional.QuantState). A weight
// X.weight holds the codes, U8 [⌈n/2⌉, 1] (or the same bytes as F32, F16 or BF16), and beside it lie
//   X.weight.absmax             the scales: F32 [blocks], or under double quantisation U8 [blocks]
//   X.weight.quant_map          F32 [16]
//   X.weight.nested_absmax      F32 [⌈blocks/256⌉]        ┐ under double quantisation
//   X.weight.nested_quant_map   F32 [256]                 ┘
//   X.weight.quant_state.bitsandbytes__nf4 (or fp4)   U8: a JSON object with quant_type, blocksize, dtype, shape, and
//                               nested_blocksize, nested_dtype, nested_offset
#pragma once

#include <optional>

#include "engine/io/model_files.h"
#include "engine/quant/quant4_data.h"

namespace llmft {

// Whether a tensor of that name is one of the parts above, not a weight.
bool is_quant4_part(std::string_view name);
// The weight `name` with its parts; nothing where it has none. Every shape, count, type and range is checked: UserError
// MISSING, DUP, SHAPE, DTYPE, SCHEMA, RANGE, OVERFLOW, VALUE.
std::optional<Quant4Data> find_quant4(const ModelFiles&, const std::string& name);

// The JSON object, byte for byte as Python writes it.
std::string quant4_state(const Quant4Data&);
// Names of the parts of weight `name`, for whoever writes them.
struct Quant4Names {
    std::string absmax, quant_map, nested_absmax, nested_quant_map, state;
};
Quant4Names quant4_names(const std::string& name, Quant4 kind);

}   // namespace llmft
