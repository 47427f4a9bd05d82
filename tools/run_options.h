// Options that several commands share: which model, which device, how to train it, what to write.
#pragma once

#include <cstdint>
#include <string>

#include "engine/core/device.h"
#include "model/adapter/methods.h"
#include "model/config.h"

namespace llmft {

struct ModelOptions {
    std::string model;
    std::string adapter;
    std::string device = "auto";
    std::string dtype = "auto";
    bool portable = false;
    std::string quantization = "none";
    bool double_quant = true;

    template <class V>
    void visit(V&& v) {
        v.group("model");
        v("model", model, "Hugging Face model folder, or a .gguf file");
        v("adapter", adapter, "adapter folder: continue from it, or use it; its r, alpha and targets hold");
        v("device", device, "where to compute", {.one_of = "auto|cpu", .unlisted = "cuda|sim"});
        v("dtype", dtype, "of weights in computation and of activations (auto: f32 on the CPU)",
          {.one_of = "auto|f32|bf16", .unlisted = "f16"});
        v("portable", portable, "the same bits on any machine, f32, slower");
        v("quantization", quantization,
          "four-bit codes for the frozen linears, all but the head (none: as the model has them)",
          {.one_of = "none|nf4|fp4"});
        v("double-quant", double_quant, "quantise the scales of --quantization too");
    }

    DType compute_dtype() const;                   // throws UserError for what the device cannot
    void note_dtype() const;                       // where another one is computed in than was asked for
    std::unique_ptr<Device> make_device() const;   // throws UserError or DeviceError
    // The model's own quantisation, else what is asked for. Throws UserError where that is another kind.
    std::optional<Quantization> resolved_quantization(const ModelConfig& config) const;
};

struct MethodOptions {
    std::string method = "lora";
    LoraOptions lora;
    std::string objective = "sft";

    template <class V>
    void visit(V&& v) {
        v.group("method");
        v("method", method, "what is trained; qlora is lora with --quantization nf4",
          {.one_of = "lora|qlora|full", .later = "dora|adalora|prefix|prompt"});
        v("objective", objective, "what is learned; sft: the next token (others are not built yet)",
          {.one_of = "sft", .later = "dpo|orpo|kto"});
        constexpr auto kLora = "method=lora|qlora";
        v("lora-r", lora.r, "rank", {.at_least = 1, .at_most = 65536, .needs = kLora});
        v("lora-alpha", lora.alpha, "the adapter is scaled by alpha/r (0: 2r)", {.at_least = 0, .needs = kLora});
        v("lora-dropout", lora.dropout, "on the adapter's input while training",
          {.at_least = 0, .below = 1, .needs = kLora});
        v("target-modules", lora.target_modules,
          "what gets an adapter: all-linear, names such as q_proj,v_proj (also lm_head, embed_tokens), or "
          "re:EXPRESSION",
          {.needs = kLora});
        v("exclude-modules", lora.exclude_modules, "what gets none all the same: names, or re:EXPRESSION",
          {.needs = kLora});
        v("rank-pattern", lora.rank_pattern, "ranks of some modules: NAME=R,NAME=R; the first that matches holds",
          {.needs = kLora});
        v("alpha-pattern", lora.alpha_pattern, "alphas of some modules, likewise", {.needs = kLora});
        v("layers-to-transform", lora.layers_to_transform, "layers that get adapters: 0,1,2 (empty: all)",
          {.integers = true, .needs = kLora});
        v("layers-pattern", lora.layers_pattern, "what the list of layers is called, where there are several",
          {.needs = kLora});
        v("bias", lora.bias, "biases of the base that are trained too",
          {.one_of = "none|all|lora_only", .needs = kLora});
        v("modules-to-save", lora.modules_to_save,
          "modules trained whole and saved in the adapter: names such as lm_head,embed_tokens,norm", {.needs = kLora});
        v("use-rslora", lora.use_rslora, "scale by alpha/sqrt(r)", {.needs = kLora});
        v("lora-bias", lora.lora_bias, "a bias in lora_B", {.needs = kLora});
        v("init-lora-weights", lora.init_lora_weights, "how A and B start; all but false leave the model as it is",
          {.one_of = "true|false|gaussian|orthogonal", .unlisted = "eva", .needs = kLora});
    }
};

struct MemoryOptions {
    std::string memory_limit;

    template <class V>
    void visit(V&& v) {
        v.group("memory");
        v("memory-limit", memory_limit,
          "most bytes of the arena, plain or with KiB, MiB, GiB (empty: 90 % of the machine's memory)",
          {.integers = true});
    }

    int64_t limit_bytes() const;   // throws UserError
};

}   // namespace llmft
