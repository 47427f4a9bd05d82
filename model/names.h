// Hugging Face's module paths of a Llama-family model (formats: transformers, modeling_llama.py).
#pragma once

#include <fmt/format.h>

#include <string>

namespace llmft::names {

inline std::string embedding() {
    return "model.embed_tokens";
}
inline std::string final_norm() {
    return "model.norm";
}
inline std::string head() {
    return "lm_head";
}
inline std::string layer(int64_t index, const char* module) {
    return fmt::format("model.layers.{}.{}", index, module);
}
inline std::string weight(const std::string& module) {
    return module + ".weight";
}

inline std::string bias(const std::string& module) {
    return module + ".bias";
}

inline constexpr const char* kInputNorm = "input_layernorm";
inline constexpr const char* kPostNorm = "post_attention_layernorm";
inline constexpr const char* kQNorm = "self_attn.q_norm";
inline constexpr const char* kKNorm = "self_attn.k_norm";
inline constexpr const char* kQ = "self_attn.q_proj";
inline constexpr const char* kK = "self_attn.k_proj";
inline constexpr const char* kV = "self_attn.v_proj";
inline constexpr const char* kO = "self_attn.o_proj";
inline constexpr const char* kGate = "mlp.gate_proj";
inline constexpr const char* kUp = "mlp.up_proj";
inline constexpr const char* kDown = "mlp.down_proj";

// What PEFT puts behind a module's path (peft/tuners/lora/layer.py).
inline constexpr const char* kLoraA = ".lora_A.weight";
inline constexpr const char* kLoraB = ".lora_B.weight";
inline constexpr const char* kLoraBias = ".lora_B.bias";
inline constexpr const char* kLoraEmbeddingA = ".lora_embedding_A";
inline constexpr const char* kLoraEmbeddingB = ".lora_embedding_B";

}   // namespace llmft::names
