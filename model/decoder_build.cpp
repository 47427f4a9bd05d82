// How a decoder comes to be: its figure from the config, then parameters, weights and slots in the arena.
#include <algorithm>

#include "model/decoder.h"
#include "model/names.h"

namespace llmft {
namespace {

using Training = LinearGroup::Training;

struct PartSpec {
    const char* module;
    int64_t rows;
};

LinearGroup make_group(const std::vector<PartSpec>& specs, int64_t k, int64_t layer, uint32_t place,
                       const Tuning& tuning) {
    LinearGroup g;
    g.k = k;
    g.dropout_module = static_cast<uint32_t>(4 * layer) + place;
    for (const PartSpec& spec : specs) {
        LinearPart part = {.name = names::layer(layer, spec.module), .first_row = g.n, .rows = spec.rows};
        const LinearTraining t = tuning.linear(part.name, k, spec.rows);
        part.rank = t.rank;
        part.scaling = static_cast<float>(t.scaling);
        part.first_spare = g.ranks;
        g.n += spec.rows;
        g.ranks += t.rank;
        g.dropout = static_cast<float>(std::max<double>(g.dropout, t.dropout));
        g.training = std::max(g.training, t.training);
        g.parts.push_back(std::move(part));
    }
    g.p = (g.ranks + LinearGroup::kSpareAlignment - 1) / LinearGroup::kSpareAlignment * LinearGroup::kSpareAlignment;
    return g;
}

Block make_block(const ModelConfig& c, int64_t layer, const Tuning& tuning) {
    const int64_t q = c.num_attention_heads * c.head_dim, kv = c.num_key_value_heads * c.head_dim;
    const Norm norm = {.weight = {}, .training = tuning.rest(), .w_block = 0, .eps = c.rms_norm_eps};
    return {.attention = {.norm = norm,
                          .qkv = make_group({{names::kQ, q}, {names::kK, kv}, {names::kV, kv}}, c.hidden_size, layer, 0,
                                            tuning),
                          .o = make_group({{names::kO, c.hidden_size}}, q, layer, 1, tuning),
                          .heads = c.num_attention_heads,
                          .kv_heads = c.num_key_value_heads,
                          .head_dim = c.head_dim,
                          .window = c.window(layer)},
            .mlp = {.norm = norm,
                    .gate_up = make_group({{names::kGate, c.intermediate_size}, {names::kUp, c.intermediate_size}},
                                          c.hidden_size, layer, 2, tuning),
                    .down = make_group({{names::kDown, c.hidden_size}}, c.intermediate_size, layer, 3, tuning)}};
}

bool trained(const Block& b) {
    const auto any = {b.attention.norm.training, b.attention.qkv.training, b.attention.o.training,
                      b.mlp.norm.training,       b.mlp.gate_up.training,   b.mlp.down.training};
    return std::any_of(any.begin(), any.end(), [](Training t) { return t != Training::kFrozen; });
}

void declare_group_parameters(LinearGroup& g, ParameterSet& parameters) {
    if (g.training == Training::kFull) {
        std::vector<ParameterSet::Part> parts;
        for (const LinearPart& part : g.parts) parts.push_back({names::weight(part.name), part.rows});
        g.w_block = parameters.add_block(parts, g.k, Decay::kYes);
    }
    if (g.ranks == 0) return;
    std::vector<ParameterSet::Part> a_parts;
    for (const LinearPart& part : g.parts)
        if (part.rank) a_parts.push_back({part.name + ".lora_A.weight", part.rank});
    g.a_block = parameters.add_block(a_parts, g.k, Decay::kYes);
    for (LinearPart& part : g.parts)
        if (part.rank)
            part.b_block = parameters.add_block({{part.name + ".lora_B.weight", part.rows}}, part.rank, Decay::kYes);
}

void declare_norm_parameter(Norm& norm, const std::string& module, int64_t channels, ParameterSet& parameters) {
    if (norm.training == Training::kFull)
        norm.w_block = parameters.add_block({{names::weight(module), 1}}, channels, Decay::kNo);
}

}   // namespace

Decoder::Decoder(const ModelConfig& config, const DecoderOptions& options, const Tuning& tuning, Run& run)
    : config_(config), options_(options), rest_(tuning.rest()) {
    for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer)
        blocks_.push_back(make_block(config, layer, tuning));
    head_ = {.norm = {.weight = {}, .training = rest_, .w_block = 0, .eps = config.rms_norm_eps},
             .weight = {},
             .training = rest_,
             .w_block = 0,
             .vocab = config.vocab_size,
             .chunk_rows = options.head_chunk};
    declare_parameters();
    parameters_.allocate(run.arena);
    declare_weights(run.arena);
    const auto lowest = std::find_if(blocks_.begin(), blocks_.end(), trained);
    lowest_trained_ = rest_ == Training::kFull ? 0 : lowest - blocks_.begin();
    declare_slots(run);
}

void Decoder::declare_parameters() {
    const int64_t channels = config_.hidden_size;
    if (rest_ == Training::kFull)
        embedding_block_ =
            parameters_.add_block({{names::weight(names::embedding()), config_.vocab_size}}, channels, Decay::kYes);
    for (int64_t layer = 0; layer < config_.num_hidden_layers; ++layer) {
        Block& b = blocks_[static_cast<size_t>(layer)];
        declare_norm_parameter(b.attention.norm, names::layer(layer, names::kInputNorm), channels, parameters_);
        declare_group_parameters(b.attention.qkv, parameters_);
        declare_group_parameters(b.attention.o, parameters_);
        declare_norm_parameter(b.mlp.norm, names::layer(layer, names::kPostNorm), channels, parameters_);
        declare_group_parameters(b.mlp.gate_up, parameters_);
        declare_group_parameters(b.mlp.down, parameters_);
    }
    declare_norm_parameter(head_.norm, names::final_norm(), channels, parameters_);
    if (rest_ == Training::kFull)
        head_.w_block =
            config_.tie_word_embeddings
                ? embedding_block_
                : parameters_.add_block({{names::weight(names::head()), config_.vocab_size}}, channels, Decay::kYes);
}

void Decoder::declare_weights(Arena& arena) {
    // A trained weight whose computation is in f32 is its own master; everything else has a slot in the compute dtype.
    const auto declare = [&](const char* slot, Training training, size_t block, int64_t rows, int64_t cols) {
        const bool is_master = training == Training::kFull && options_.dtype == DType::kF32;
        return is_master ? weights_.add_view(parameters_.value(block))
                         : weights_.add(slot, options_.dtype, rows, cols, arena);
    };
    const auto group = [&](const char* slot, LinearGroup& g) {
        g.weight = declare(slot, g.training, g.w_block, g.n + g.p, g.k + g.p);
    };
    const auto norm = [&](Norm& n) {
        n.weight = declare("weights.norms", n.training, n.w_block, 1, config_.hidden_size);
    };
    embedding_ = declare("weights.embedding", rest_, embedding_block_, config_.vocab_size, config_.hidden_size);
    for (Block& b : blocks_) {
        norm(b.attention.norm);
        group("weights.qkv", b.attention.qkv);
        group("weights.o", b.attention.o);
        norm(b.mlp.norm);
        group("weights.gate_up", b.mlp.gate_up);
        group("weights.down", b.mlp.down);
    }
    norm(head_.norm);
    head_.weight = config_.tie_word_embeddings
                       ? embedding_
                       : declare("weights.head", rest_, head_.w_block, config_.vocab_size, config_.hidden_size);
}

void Decoder::declare_slots(Run& run) {
    const std::vector<float> inv_freq = rope_inv_freq(config_.rope, config_.head_dim);
    const int64_t half = config_.head_dim / 2;
    inv_freq_ = run.arena.persistent("rope.inv_freq", DType::kF32, static_cast<int64_t>(inv_freq.size()) / half, half);
    run.device.upload(inv_freq_, inv_freq.data(), run.stream);
    const int64_t rows = (options_.tokens + options_.head_chunk - 1) / options_.head_chunk * options_.head_chunk;
    loss_ = {.loss = run.arena.persistent("loss", DType::kF32, 1, rows),
             .correct = run.arena.persistent("loss", DType::kI32, 1, rows),
             .sums = run.arena.persistent("loss", DType::kF64, 1, 2)};
}

std::vector<WeightTarget> Decoder::weight_targets() const {
    std::vector<WeightTarget> targets;
    const auto whole = [&](const std::string& module, WeightId id, Training training, size_t block) {
        targets.push_back(
            {names::weight(module), training == Training::kFull ? parameters_.value(block) : weights_.resident(id)});
    };
    const auto group = [&](const LinearGroup& g) {
        const Tensor w = g.training == Training::kFull ? parameters_.value(g.w_block) : weights_.resident(g.weight);
        for (const LinearPart& part : g.parts)
            targets.push_back({names::weight(part.name), w.row_slice(part.first_row, part.rows).columns(0, g.k)});
    };
    whole(names::embedding(), embedding_, rest_, embedding_block_);
    for (int64_t layer = 0; layer < config_.num_hidden_layers; ++layer) {
        const Block& b = blocks_[static_cast<size_t>(layer)];
        whole(names::layer(layer, names::kInputNorm), b.attention.norm.weight, b.attention.norm.training,
              b.attention.norm.w_block);
        group(b.attention.qkv);
        group(b.attention.o);
        whole(names::layer(layer, names::kPostNorm), b.mlp.norm.weight, b.mlp.norm.training, b.mlp.norm.w_block);
        group(b.mlp.gate_up);
        group(b.mlp.down);
    }
    whole(names::final_norm(), head_.norm.weight, head_.norm.training, head_.norm.w_block);
    if (!config_.tie_word_embeddings) whole(names::head(), head_.weight, head_.training, head_.w_block);
    return targets;
}

}   // namespace llmft
