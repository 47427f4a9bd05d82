// A Llama-family causal language model: embedding → blocks → loss, forward and backward. Owns which layers are rerun in
// backward and how low the backward must go. Implements what the trainer drives.
#pragma once

#include <vector>

#include "engine/train/trainable.h"
#include "model/adapter/tuning.h"
#include "model/block.h"
#include "model/config.h"
#include "model/embedding.h"
#include "model/lm_loss.h"
#include "model/quantization.h"

namespace llmft {

struct DecoderOptions {
    static constexpr int64_t kHeadChunkRows = 128;   // half a chunk is lost on average
    DType dtype = DType::kF32;                       // of weights in computation and of activations
    int64_t tokens = 0;                              // most tokens of a micro-batch
    std::vector<Recompute> recompute;                // one per layer
    int64_t head_chunk = kHeadChunkRows;             // loss rows at a time
    const Objective* objective = &sft();             // what is learned; outlives the decoder
    std::optional<Quantization> quantization = {};   // of frozen linears
};

// One tensor of the model's files and where it goes: converted to the destination's dtype.
struct WeightTarget {
    std::string name;   // Hugging Face's: "model.layers.0.mlp.up_proj.weight"
    Tensor to;          // (rows, cols) as the file holds it; a shape alone where the weight is kept in four bits
    struct InFourBits {
        WeightId weight;
        int64_t first_row;
    };
    std::optional<InFourBits> packed = {};
};

class Decoder final : public Trainable {
public:
    // Declares every weight, parameter and slot in run.arena; reads nothing. Weights are zero until the targets are
    // filled.
    Decoder(const ModelConfig& config, const DecoderOptions& options, const Tuning& tuning, Run& run);

    std::vector<WeightTarget> weight_targets() const;
    // Where a target in four bits goes, to be uploaded to.
    Quant4Tensor& packed(const WeightTarget::InFourBits& place) {
        return weights_.packed(place.weight, place.first_row);
    }
    // Masters → compute storage, after they changed.
    void publish(Run&) const;

    void forward_backward(const Batch&, GradSink&, Run&) override;
    void evaluate(const Batch&, Run&) override;
    Sums take_sums(Run&) override;
    const ParameterSet& parameters() const override { return parameters_; }

    // Forward only; per loss row, in order, the loss and whether the target is the likeliest token.
    struct Scores {
        std::vector<float> nll;
        std::vector<int32_t> correct;
    };
    Scores score(const Batch&, Run&);
    // Logits of the batch's last `rows` rows, (rows, V) in f32.
    std::vector<float> logits(const Batch&, int64_t rows, Run&) const;
    // Tokens that go on where caches, one per layer, end: their keys and values go into these. Logits (Q, V) in f32 of
    // the rows that carry loss; nothing where none does. kOneByOne: a token of each of a few documents.
    enum class Rows : uint8_t { kAtOnce, kOneByOne };
    std::vector<float> decode(const Batch&, Rows, const std::vector<KeyValueCache>& caches, Run&) const;

    const ModelConfig& config() const { return config_; }
    DType dtype() const { return options_.dtype; }
    const std::optional<Quantization>& quantization() const { return options_.quantization; }
    const std::vector<Block>& blocks() const { return blocks_; }
    const WeightStore& weights() const { return weights_; }

private:
    friend class DecoderBuilder;
    void declare_slots(Run&);
    LayerContext layer_context(const Batch&, LinearContext::Mode, Run&) const;
    Tensor hidden(const Batch&, const std::vector<KeyValueCache>* caches, const LayerContext&, Run&) const;
    std::vector<float> head_logits(const Tensor& x, const LayerContext&, Run&) const;
    void report_ready(const Block&, GradSink&) const;
    void report_ready(const LinearGroup&, GradSink&) const;

    ModelConfig config_;
    DecoderOptions options_;
    WeightStore weights_;
    ParameterSet parameters_;
    Embedding embedding_;
    std::vector<Block> blocks_;
    Head head_;
    bool shares_head_ = false;     // the head's base weight is the embedding
    int64_t lowest_trained_ = 0;   // blocks below need no backward
    Tensor inv_freq_;              // (1, D/2), or (2, D/2) of longrope
    LossOutputs loss_;
    int64_t loss_tokens_ = 0;   // predicted tokens in the running sums
};

}   // namespace llmft
