// How a decoder comes to be: its figure from the config, then parameters, weights and slots in the arena.
#include <algorithm>

#include "model/decoder.h"
#include "model/names.h"

namespace llmft {
namespace {

using Kind = ModuleSpec::Kind;

struct PartSpec {
    std::string path;
    int64_t rows;
};

LinearGroup make_group(const std::vector<PartSpec>& specs, int64_t k, Kind kind, int64_t hidden_size,
                       uint32_t dropout_module, const Tuning& tuning, std::vector<ModuleTraining>& how) {
    LinearGroup g;
    g.k = k;
    g.dropout_module = dropout_module;
    for (const PartSpec& spec : specs) {
        const ModuleTraining t =
            tuning.module({.kind = kind, .path = spec.path, .in = k, .out = spec.rows, .hidden_size = hidden_size});
        LinearPart part = {.name = spec.path, .first_row = g.n, .rows = spec.rows};
        part.rank = t.rank;
        part.scaling = static_cast<float>(t.scaling);
        part.first_spare = g.ranks;
        part.trains_weight = t.weight;
        part.first_trained = g.trained;
        g.n += spec.rows;
        g.ranks += t.rank;
        if (t.weight) g.trained += spec.rows;
        g.dropout = static_cast<float>(std::max<double>(g.dropout, t.dropout));
        g.parts.push_back(std::move(part));
        how.push_back(t);
    }
    g.p = (g.ranks + LinearGroup::kSpareAlignment - 1) / LinearGroup::kSpareAlignment * LinearGroup::kSpareAlignment;
    return g;
}

}   // namespace

// Declares modules in the order of the flat parameters: the embedding, the blocks from below, the head.
class DecoderBuilder {
public:
    DecoderBuilder(Decoder& d, const Tuning& tuning, Arena& arena) : d_(d), tuning_(tuning), arena_(arena) {}

    void build() {
        make_figure();
        d_.parameters_.allocate(arena_);
        declare_weights();
        const auto lowest = std::find_if(d_.blocks_.begin(), d_.blocks_.end(), trains);
        d_.lowest_trained_ = d_.embedding_.trains() ? 0 : lowest - d_.blocks_.begin();
    }

private:
    static bool trains(const Block& b) {
        bool any = false;
        visit_modules(b, Visits{[&](const char*, const Norm& norm) { any = any || norm.w; },
                                [&](const LinearGroup& g) { any = any || g.trains(); }});
        return any;
    }

    // ---- the figure and its parameters

    void make_figure() {
        const ModelConfig& c = d_.config_;
        make_embedding();
        for (int64_t layer = 0; layer < c.num_hidden_layers; ++layer) d_.blocks_.push_back(make_block(layer));
        d_.head_.norm = make_norm(names::final_norm(), c.hidden_size);
        d_.head_.chunk_rows = d_.options_.head_chunk;
        make_head();
    }

    void make_embedding() {
        const ModelConfig& c = d_.config_;
        const ModuleTraining t = tuning_.module({.kind = Kind::kEmbedding,
                                                 .path = names::embedding(),
                                                 .in = c.vocab_size,
                                                 .out = c.hidden_size,
                                                 .hidden_size = c.hidden_size});
        Embedding& e = d_.embedding_;
        e.rank = t.rank;
        e.scaling = static_cast<float>(t.scaling);
        ParameterSet& p = d_.parameters_;
        if (t.weight)
            e.w = p.add_block({{names::weight(names::embedding()), c.vocab_size}}, c.hidden_size, Decay::kYes);
        if (t.rank == 0) return;
        e.a = p.add_block({{names::embedding() + names::kLoraEmbeddingA, c.vocab_size}}, t.rank, Decay::kYes);
        e.b = p.add_block({{names::embedding() + names::kLoraEmbeddingB, c.hidden_size}}, t.rank, Decay::kYes);
    }

    Block make_block(int64_t layer) {
        const ModelConfig& c = d_.config_;
        const int64_t q = c.num_attention_heads * c.head_dim, kv = c.num_key_value_heads * c.head_dim;
        const auto path = [&](const char* module) { return names::layer(layer, module); };
        const auto linears = [&](const std::vector<PartSpec>& specs, int64_t k, uint32_t place, bool biased) {
            return make_linears(specs, k, static_cast<uint32_t>(4 * layer) + place, biased);
        };
        Block b;
        b.attention.norm = make_norm(path(names::kInputNorm), c.hidden_size);
        b.attention.qkv =
            linears({{path(names::kQ), q}, {path(names::kK), kv}, {path(names::kV), kv}}, c.hidden_size, 0, c.qkv_bias);
        if (c.qk_norm)
            b.attention.head_norms = {.q = make_norm(path(names::kQNorm), c.head_dim),
                                      .k = make_norm(path(names::kKNorm), c.head_dim)};
        b.attention.o = linears({{path(names::kO), c.hidden_size}}, q, 1, c.o_bias);
        b.attention.heads = c.num_attention_heads;
        b.attention.kv_heads = c.num_key_value_heads;
        b.attention.head_dim = c.head_dim;
        b.attention.window = c.window(layer);
        b.mlp.norm = make_norm(path(names::kPostNorm), c.hidden_size);
        b.mlp.gate_up = linears({{path(names::kGate), c.intermediate_size}, {path(names::kUp), c.intermediate_size}},
                                c.hidden_size, 2, c.mlp_bias);
        b.mlp.down = linears({{path(names::kDown), c.hidden_size}}, c.intermediate_size, 3, c.mlp_bias);
        return b;
    }

    LinearGroup make_linears(const std::vector<PartSpec>& specs, int64_t k, uint32_t dropout_module, bool biased) {
        std::vector<ModuleTraining> how;
        LinearGroup g = make_group(specs, k, Kind::kLinear, d_.config_.hidden_size, dropout_module, tuning_, how);
        declare_own(g);
        if (biased) {
            g.bias = d_.weights_.add("weights.biases", d_.options_.dtype, 1, g.n, arena_);
            for (size_t i = 0; i < g.parts.size(); ++i)
                if (how[i].bias)
                    g.parts[i].bias =
                        d_.parameters_.add_block({{names::bias(g.parts[i].name), 1}}, g.parts[i].rows, Decay::kNo);
        }
        declare_adapters(g, how);
        return g;
    }

    void make_head() {
        const ModelConfig& c = d_.config_;
        const auto module = static_cast<uint32_t>(4 * c.num_hidden_layers);
        std::vector<ModuleTraining> how;
        LinearGroup g = make_group({{names::head(), c.vocab_size}}, c.hidden_size, Kind::kHead, c.hidden_size, module,
                                   tuning_, how);
        const bool follows = tuning_.tied_head() == TiedHead::kFollows;
        d_.shares_head_ = c.tie_word_embeddings && (follows || (!d_.embedding_.w && g.trained == 0));
        if (d_.shares_head_)
            g.w = d_.embedding_.w;
        else
            declare_own(g);
        declare_adapters(g, how);
        d_.head_.projection = std::move(g);
    }

    void declare_own(LinearGroup& g) {
        std::vector<ParameterSet::Part> weights;
        for (const LinearPart& part : g.parts)
            if (part.trains_weight) weights.push_back({names::weight(part.name), part.rows});
        if (!weights.empty()) g.w = d_.parameters_.add_block(weights, g.k, Decay::kYes);
    }

    void declare_adapters(LinearGroup& g, const std::vector<ModuleTraining>& how) {
        ParameterSet& p = d_.parameters_;
        std::vector<ParameterSet::Part> a;
        for (const LinearPart& part : g.parts)
            if (part.rank) a.push_back({part.name + names::kLoraA, part.rank});
        if (!a.empty()) g.a = p.add_block(a, g.k, Decay::kYes);
        for (size_t i = 0; i < g.parts.size(); ++i) {
            LinearPart& part = g.parts[i];
            if (part.rank) part.b = p.add_block({{part.name + names::kLoraB, part.rows}}, part.rank, Decay::kYes);
            if (part.rank && how[i].lora_bias)
                part.lora_bias = p.add_block({{part.name + names::kLoraBias, 1}}, part.rows, Decay::kNo);
        }
    }

    Norm make_norm(const std::string& path, int64_t channels) {
        const ModuleTraining t = tuning_.module(
            {.kind = Kind::kNorm, .path = path, .in = 1, .out = channels, .hidden_size = d_.config_.hidden_size});
        Norm norm;
        norm.eps = d_.config_.rms_norm_eps;
        if (t.weight) norm.w = d_.parameters_.add_block({{names::weight(path), 1}}, channels, Decay::kNo);
        return norm;
    }

    // ---- slots. A trained weight whose computation is in f32 is its own master; all else is in the compute dtype.

    WeightId slot(const char* name, const BlockId& master, int64_t rows, int64_t cols) {
        return master && d_.options_.dtype == DType::kF32
                   ? d_.weights_.add_view(d_.parameters_.value(*master))
                   : d_.weights_.add(name, d_.options_.dtype, rows, cols, arena_);
    }

    // Frozen linears that the model's quantisation covers; a tied head is the embedding.
    bool in_four_bits(const LinearPart& part) const {
        const auto& q = d_.options_.quantization;
        const bool tied = d_.config_.tie_word_embeddings && part.name == names::head();
        return q && !part.trains_weight && !tied && q->covers(part.name);
    }

    WeightId packed_slots(const char* name, const LinearGroup& g) {
        using Kept = WeightStore::Part::Kept;
        std::vector<WeightStore::Part> parts;
        for (const LinearPart& part : g.parts)
            parts.push_back({in_four_bits(part) ? Kept::kQuant4 : Kept::kDense, part.rows});
        return d_.weights_.add_packed(name, d_.options_.dtype, parts, g.k, g.p,
                                      d_.options_.quantization->double_quant(), arena_);
    }

    void declare_group(const char* name, LinearGroup& g) {
        const DType dtype = d_.options_.dtype;
        if (std::any_of(g.parts.begin(), g.parts.end(), [&](const LinearPart& part) { return in_four_bits(part); }))
            g.weight = packed_slots(name, g);
        else
            g.weight = g.trained == g.n && g.p == 0 ? slot(name, g.w, g.n, g.k)
                                                    : d_.weights_.add_with_spare(name, dtype, g.n, g.k, g.p, arena_);
        if (std::any_of(g.parts.begin(), g.parts.end(), [](const LinearPart& part) { return part.lora_bias; }))
            g.lora_bias = d_.weights_.add("weights.biases", dtype, 1, g.n, arena_);
    }

    void declare_weights() {
        Decoder& d = d_;
        const ModelConfig& c = d.config_;
        const auto norm = [&](Norm& n, int64_t channels) { n.weight = slot("weights.norms", n.w, 1, channels); };
        if (d.shares_head_) {
            declare_group("weights.embedding", d.head_.projection);
            d.embedding_.weight = d.weights_.add_view(d.weights_.base(d.head_.projection.weight));
        } else {
            d.embedding_.weight = slot("weights.embedding", d.embedding_.w, c.vocab_size, c.hidden_size);
        }
        if (d.embedding_.rank) {
            d.embedding_.lora_a = slot("weights.embedding", d.embedding_.a, c.vocab_size, d.embedding_.rank);
            d.embedding_.lora_b =
                d.weights_.add("weights.embedding", d.options_.dtype, c.hidden_size, d.embedding_.rank, arena_);
        }
        for (Block& b : d.blocks_) {
            norm(b.attention.norm, c.hidden_size);
            declare_group("weights.qkv", b.attention.qkv);
            if (b.attention.head_norms) {
                norm(b.attention.head_norms->q, c.head_dim);
                norm(b.attention.head_norms->k, c.head_dim);
            }
            declare_group("weights.o", b.attention.o);
            norm(b.mlp.norm, c.hidden_size);
            declare_group("weights.gate_up", b.mlp.gate_up);
            declare_group("weights.down", b.mlp.down);
        }
        norm(d.head_.norm, c.hidden_size);
        if (!d.shares_head_) declare_group("weights.head", d.head_.projection);
    }

    Decoder& d_;
    const Tuning& tuning_;
    Arena& arena_;
};

Decoder::Decoder(const ModelConfig& config, const DecoderOptions& options, const Tuning& tuning, Run& run)
    : config_(config), options_(options) {
    DecoderBuilder(*this, tuning, run.arena).build();
    declare_slots(run);
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

namespace {

WeightTarget in_four_bits(const LinearGroup& g, const LinearPart& part) {
    const Tensor shape = {.data = nullptr, .rows = part.rows, .cols = g.k, .ld = g.k, .name = part.name.c_str()};
    return {
        .name = names::weight(part.name), .to = shape, .packed = WeightTarget::InFourBits{g.weight, part.first_row}};
}

}   // namespace

std::vector<WeightTarget> Decoder::weight_targets() const {
    std::vector<WeightTarget> targets;
    const auto whole = [&](const std::string& module, WeightId id, const BlockId& master) {
        targets.push_back({names::weight(module), master ? parameters_.value(*master) : weights_.resident(id)});
    };
    const auto group = [&](const LinearGroup& g) {
        for (const LinearPart& part : g.parts) {
            targets.push_back({names::weight(part.name), {}});
            WeightTarget& target = targets.back();
            if (part.trains_weight)
                target.to = parameters_.value(*g.w).row_slice(part.first_trained, part.rows);
            else if (weights_.in_four_bits(g.weight, part.first_row))
                target = in_four_bits(g, part);
            else
                target.to = weights_.base_rows(g.weight, part.first_row, part.rows);
            if (!g.bias) continue;
            targets.push_back(
                {names::bias(part.name), part.bias ? parameters_.value(*part.bias)
                                                   : weights_.resident(g.bias).columns(part.first_row, part.rows)});
        }
    };
    whole(names::embedding(), embedding_.weight, embedding_.w);
    for (int64_t layer = 0; layer < config_.num_hidden_layers; ++layer)
        visit_modules(
            blocks_[static_cast<size_t>(layer)],
            Visits{[&](const char* name, const Norm& n) { whole(names::layer(layer, name), n.weight, n.w); }, group});
    whole(names::final_norm(), head_.norm.weight, head_.norm.w);
    if (!shares_head_) group(head_.projection);
    return targets;
}

}   // namespace llmft
