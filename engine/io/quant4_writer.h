// Weights that are encoded while they are written (engine/io/quant4_files.h says as what). A safetensors file begins
// with its f32 tensors, so a weight is read twice: once for its scales, once for its codes; never more than one is in
// memory.
#pragma once

#include <deque>

#include "engine/io/quant4_files.h"
#include "engine/io/safetensors.h"

namespace llmft {

// Has to outlive the writing of the tensors it made.
class Quant4Writer {
public:
    Quant4Writer() = default;
    Quant4Writer(const Quant4Writer&) = delete;
    Quant4Writer& operator=(const Quant4Writer&) = delete;

    // The tensors of weight `name`, in the order in which bitsandbytes has them. The source's rows are read by this
    // call (under double quantisation alone) and when bytes are asked for, each time from the first on.
    std::vector<TensorToWrite> tensors(const std::string& name, const Quant4Source& source);

private:
    struct Weight {
        Quant4Source source;
        std::string state;
        std::vector<float> nested_scales;
    };
    const Quant4Data& encoded(const Weight&, Quant4Buffers::Keep);

    std::deque<Weight> weights_;
    const Weight* last_ = nullptr;   // what encoded_ holds, and how much of it
    Quant4Buffers::Keep kept_ = Quant4Buffers::Keep::kScales;
    std::optional<Quant4Buffers> buffers_;
    Quant4Data data_;
};

}   // namespace llmft
