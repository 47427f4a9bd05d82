// Base weights from a model folder into the slots and masters of a decoder.
#pragma once

#include "engine/io/model_files.h"
#include "model/decoder.h"

namespace llmft {

// Every target must be there with the believed shape and a float dtype, and hold no NaN or infinity; tensors that
// nobody asked for are ignored, as Hugging Face does with old buffers. Throws UserError that names file and tensor.
void load_weights(Decoder& model, const ModelFiles& files, Run& run);

// The checks alone, against a matrix (rows, cols); returns the file's dtype.
DType expect_loadable(const SafeTensor& tensor, const std::string& file, int64_t rows, int64_t cols);
// A tensor of a file into a slot, with the checks above. A vector counts as one row.
void load_tensor(const SafeTensor& tensor, const std::string& file, const Tensor& to, Run& run);

}   // namespace llmft
