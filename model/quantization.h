// Which linears of a model are kept in four bits, and as what: QLoRA (Dettmers et al. 2023) by the rules of
// transformers and bitsandbytes. Embeddings and norms never are; the head is where nothing says that it is skipped.
#pragma once

#include <string_view>
#include <vector>

#include "engine/io/json_field.h"
#include "engine/io/pattern.h"
#include "engine/quant/quant4_data.h"

namespace llmft {

class Quantization {
public:
    // As transformers quantises a model that is loaded with load_in_4bit: all linears but the head.
    Quantization(Quant4 kind, DoubleQuant double_quant);
    // config.json's quantization_config. UserError SCHEMA, that names the field, for any other way to quantise.
    static Quantization read(const JsonField& config);

    Quant4 kind() const { return kind_; }
    DoubleQuant double_quant() const { return double_quant_; }
    // Whether a linear of that path is in four bits. Both rules that transformers had: an entry of the list of skipped
    // modules is a name, a path, the end of a path, or an expression for the path of a module around it.
    bool covers(std::string_view module) const;

    // The quantization_config of a model whose weights were of `encoded`, which is also what it asks to compute in.
    Json config(DType encoded) const;

private:
    struct Skipped {
        std::string entry;
        Pattern around;   // of the entry, up to a boundary between modules, and what follows
    };
    void skip(const std::string& entry, const std::string& file, const std::string& field);

    Quant4 kind_;
    DoubleQuant double_quant_;
    std::vector<Skipped> skipped_;
};

// "nf4", "fp4"; UserError that names the flag for anything else.
Quant4 quant4_named(std::string_view name);

}   // namespace llmft
