// Base weights from a model folder into the slots and masters of a decoder.
#pragma once

#include "engine/io/model_files.h"
#include "model/decoder.h"

namespace llmft {

// Every target must be there with the believed shape and a float dtype, and hold no NaN or infinity; tensors that nobody asked
// for are ignored, as Hugging Face does with old buffers. Throws UserError that names file and tensor.
void load_weights(Decoder& model, const ModelFiles& files, Run& run);

// Rows and columns of a tensor as a matrix: a vector is one row. Throws UserError where the shape is not the believed one.
void expect_tensor_shape(const SafeTensor& tensor, const std::string& file, int64_t rows, int64_t cols);

}  // namespace llmft
