// Base weights from a model's files into the slots and masters of a decoder.
#pragma once

#include "engine/io/model_weights.h"
#include "engine/io/safetensors.h"
#include "model/decoder.h"

namespace llmft {

// Every target must be there with the believed shape and a float dtype, and hold no NaN or infinity; tensors that
// nobody asked for are ignored, as Hugging Face does with old buffers. Throws UserError that names file and tensor. A
// target in four bits takes what is stored so as it is, and encodes what is not, a few rows at a time.
void load_weights(Decoder& model, const ModelWeights& weights, Run& run);

// The names, shapes and dtypes alone: no value is read.
void expect_weights(const Decoder& model, const ModelWeights& weights);

// A tensor into a slot, with the checks above, piece by piece. A vector counts as one row.
void load_tensor(const StoredTensor& tensor, const ModelWeights& weights, const Tensor& to, Run& run);
void load_tensor(const SafeTensor& tensor, const std::string& file, const Tensor& to, Run& run);
// The same into the host's memory: dense rows.
std::vector<float> load_matrix(const SafeTensor& tensor, const std::string& file, int64_t rows, int64_t cols);

// A tensor that is named as the config's model has it: a tied head and its embedding may lie under either name.
const StoredTensor& stored_tensor(const ModelWeights& weights, const std::string& name, const ModelConfig& config);
// What it is stored in when nothing else is said: its own dtype, or, packed, the config's or bf16.
DType plain_dtype(const StoredTensor& tensor, const ModelConfig& config);
// Its rows, to be encoded, with the checks above and converted to `encoded`. All that it is given has to outlive it;
// one scratch may serve many sources, of which one is read at a time.
struct RowScratch {
    std::vector<std::byte> stored, converted;
};
Quant4Source quant4_source(const StoredTensor& tensor, const ModelWeights& weights, const Quantization& quantization,
                           DType encoded, RowScratch& scratch);

}   // namespace llmft
