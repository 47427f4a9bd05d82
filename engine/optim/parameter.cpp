#include "engine/optim/parameter.h"

namespace llmft {
namespace {

int64_t round_up(int64_t n, int64_t to) {
    return (n + to - 1) / to * to;
}

Tensor matrix_at(const Tensor& flat, int64_t offset, int64_t rows, int64_t cols, const char* name) {
    Tensor t = flat.columns(offset, rows * cols);
    t.rows = rows;
    t.cols = t.ld = cols;
    t.name = name;
    return t;
}

}   // namespace

size_t ParameterSet::add_block(const std::vector<Part>& parts, int64_t cols, Decay decay) {
    if (values_) throw InternalError("parameters: a block added after allocate");
    blocks_.push_back({.first_parameter = parameters_.size(),
                       .parts = parts.size(),
                       .rows = 0,
                       .cols = cols,
                       .decay = decay,
                       .offset = 0});
    for (const Part& part : parts) {
        parameters_.push_back(
            {.name = part.name, .decay = decay, .rows = part.rows, .cols = cols, .value = {}, .grad = {}, .offset = 0});
        blocks_.back().rows += part.rows;
    }
    return blocks_.size() - 1;
}

void ParameterSet::allocate(Arena& arena) {
    int64_t at = 0;
    for (const Decay decay : {Decay::kYes, Decay::kNo}) {
        for (Block& block : blocks_) {
            if (block.decay != decay) continue;
            block.offset = at;
            at += round_up(block.rows * block.cols, kBlockAlignment);
        }
        if (decay == Decay::kYes) decayed_ = at;
    }
    values_ = arena.persistent("trainable.values", DType::kF32, 1, at);
    grads_ = arena.persistent("trainable.gradients", DType::kF32, 1, at);
    for (const Block& block : blocks_) {
        int64_t offset = block.offset;
        for (size_t i = 0; i < block.parts; ++i) {
            Parameter& p = parameters_[block.first_parameter + i];
            p.value = matrix_at(values_, offset, p.rows, p.cols, p.name.c_str());
            p.grad = matrix_at(grads_, offset, p.rows, p.cols, p.name.c_str());
            p.offset = offset;
            offset += p.rows * p.cols;
        }
    }
}

Tensor ParameterSet::matrix(const Tensor& flat, const Block& block) const {
    return matrix_at(flat, block.offset, block.rows, block.cols, parameters_[block.first_parameter].name.c_str());
}

Tensor ParameterSet::value(size_t block) const {
    return matrix(values_, blocks_.at(block));
}
Tensor ParameterSet::grad(size_t block) const {
    return matrix(grads_, blocks_.at(block));
}

Range ParameterSet::range(size_t block) const {
    const Block& b = blocks_.at(block);
    return {.first = b.offset, .count = b.rows * b.cols};
}

int64_t ParameterSet::count() const {
    int64_t n = 0;
    for (const Parameter& p : parameters_) n += p.rows * p.cols;
    return n;
}

Tensor ParameterSet::flat_part(const Tensor& flat, Decay decay) const {
    return decay == Decay::kYes ? flat.columns(0, decayed_) : flat.columns(decayed_, flat.cols - decayed_);
}
Tensor ParameterSet::values(Decay decay) const {
    return flat_part(values_, decay);
}
Tensor ParameterSet::grads(Decay decay) const {
    return flat_part(grads_, decay);
}

}   // namespace llmft
