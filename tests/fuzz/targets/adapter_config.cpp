// adapter_config.json, asked about modules, and written again.
#include "model/adapter/lora_config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/targets.h"
#include "tests/harness/temp_folder.h"

namespace llmft::fuzz {
namespace {

struct AdapterFolder {
    BytesFile config;
    test::TempFolder folder;
    AdapterFolder() { std::filesystem::create_symlink(config.path(), folder.path() / "adapter_config.json"); }
};

}   // namespace

void read_adapter_config(std::string_view bytes) {
    static AdapterFolder adapter;
    adapter.config.put(bytes);
    accepted([] {
        const LoraConfig config = read_lora_config(adapter.folder.path());
        using Kind = ModuleSpec::Kind;
        std::vector<std::string> adapted;
        for (const auto& [kind, path] : {std::pair(Kind::kLinear, "model.layers.1.self_attn.q_proj"),
                                         std::pair(Kind::kLinear, "model.layers.0.mlp.down_proj"),
                                         std::pair(Kind::kEmbedding, "model.embed_tokens"),
                                         std::pair(Kind::kNorm, "model.norm"), std::pair(Kind::kHead, "lm_head")}) {
            const ModuleTraining training =
                config.module({.kind = kind, .path = path, .in = 8, .out = 8, .hidden_size = int64_t{1} << 16});
            expect(training.rank >= 0 && training.scaling >= 0, "ranks and scalings are no less than zero");
            if (training.rank > 0) adapted.emplace_back(path);
        }
        hf_json(lora_config_json(config, adapted));
        lora_options(config);
    });
}

}   // namespace llmft::fuzz
