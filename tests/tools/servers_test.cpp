// Which servers load an adapter, by their loaders' rules: on files that llmft and PEFT wrote, and on configs that each
// rule is about.
#include "tools/inspect/servers.h"

#include <doctest/doctest.h>

#include "tests/harness/paths.h"

using namespace llmft;
using namespace llmft::test;

namespace {

struct Files {
    Json config;
    std::vector<SafeTensor> tensors;
    int64_t layers = 2;

    ServerVerdict vllm() const { return vllm_verdict(files()); }
    ServerVerdict tgi() const { return tgi_verdict(files()); }

private:
    AdapterFiles files() const {
        return {.config = JsonField(config, "adapter_config.json", ""), .tensors = tensors, .layers = layers};
    }
};

// q_proj and v_proj of two layers, rank 4.
Files plain() {
    Files files = {.config = {{"peft_type", "LORA"},
                              {"r", 4},
                              {"lora_alpha", 8},
                              {"target_modules", {"q_proj", "v_proj"}},
                              {"bias", "none"},
                              {"init_lora_weights", true},
                              {"modules_to_save", nullptr},
                              {"rank_pattern", Json::object()}},
                   .tensors = {}};
    for (const char* layer : {"0", "1"})
        for (const char* module : {"q_proj", "v_proj"})
            for (const char* factor : {".lora_A.weight", ".lora_B.weight"})
                files.tensors.push_back(
                    {.name = std::string("base_model.model.model.layers.") + layer + ".self_attn." + module + factor,
                     .dtype = "F32",
                     .shape = {4, 4},
                     .bytes = {}});
    return files;
}

SafeTensor tensor(const std::string& name, std::vector<int64_t> shape = {4, 4}) {
    return {.name = "base_model.model." + name, .dtype = "F32", .shape = std::move(shape), .bytes = {}};
}

bool says(const std::vector<std::string>& reasons, const std::string& word) {
    for (const std::string& reason : reasons)
        if (reason.find(word) != std::string::npos) return true;
    return false;
}

}   // namespace

TEST_CASE("a plain LoRA of all layers is taken by both servers") {
    CHECK(plain().vllm().loads());
    CHECK(plain().tgi().loads());
    CHECK(plain().vllm().remarks.empty());
}

TEST_CASE("vLLM refuses by its rules, and names them") {
    struct Rule {
        const char* key;
        Json value;
    };
    for (const Rule& rule :
         {Rule{"bias", "all"}, Rule{"bias", "lora_only"}, Rule{"modules_to_save", {"lm_head"}}, Rule{"use_dora", true},
          Rule{"lora_bias", true}, Rule{"init_lora_weights", "pissa"}, Rule{"init_lora_weights", "pissa_niter_4"},
          Rule{"alora_invocation_tokens", {1, 2}}, Rule{"layer_replication", {{0, 2}}}, Rule{"use_qalora", true},
          Rule{"use_bdlora", {{"n", 2}}}}) {
        Files files = plain();
        files.config[rule.key] = rule.value;
        CAPTURE(rule.key);
        CHECK(says(files.vllm().against, rule.key));
    }
    for (const char* key : {"r", "lora_alpha", "target_modules"}) {
        Files files = plain();
        files.config.erase(key);
        CHECK(says(files.vllm().against, key));
    }
    for (const Json& kept :
         {Json(false), Json("gaussian"), Json("eva"), Json("orthogonal"), Json("mica"), Json("lora_ga")}) {
        Files files = plain();
        files.config["init_lora_weights"] = kept;
        CHECK(files.vllm().loads());
    }
    Files score = plain();
    score.config["modules_to_save"] = {"score"};
    CHECK(score.vllm().loads());
}

TEST_CASE("vLLM takes no tensor that is no LoRA pair, but for a frozen base of the embedding or head") {
    Files files = plain();
    files.tensors.push_back(tensor("lm_head.base_layer.weight"));
    files.tensors.push_back(tensor("model.embed_tokens.lora_embedding_A"));
    files.tensors.push_back(tensor("model.embed_tokens.lora_embedding_B"));
    CHECK(files.vllm().loads());
    for (const char* name : {"lm_head.weight", "model.norm.weight", "model.layers.0.self_attn.q_proj.base_layer.bias",
                             "model.layers.0.self_attn.q_proj.lora_magnitude_vector"}) {
        Files more = files;
        more.tensors.push_back(tensor(name));
        CHECK(says(more.vllm().against, "neither lora_A nor lora_B"));
    }
    files.tensors.push_back(tensor("model.layers.0.mlp.router.lora_A.weight"));
    CHECK(says(files.vllm().against, "router"));
}

TEST_CASE("vLLM's limit of ranks is named where its default is too small, and where no setting will do") {
    Files files = plain();
    files.tensors[0].shape = {20, 4};
    CHECK(files.vllm().loads());
    CHECK(says(files.vllm().remarks, "--max-lora-rank 32"));
    files.tensors[0].shape = {513, 4};
    CHECK(says(files.vllm().against, "512"));
}

TEST_CASE("patterns are a remark for vLLM and wrong scales for TGI") {
    Files files = plain();
    files.config["alpha_pattern"] = {{"q_proj", 32}};
    CHECK(files.vllm().loads());
    CHECK(says(files.vllm().remarks, "alpha_pattern"));
    CHECK(says(files.tgi().against, "alpha_pattern"));
}

TEST_CASE("TGI drops a module of which a layer has no adapter, and does not read other tensors") {
    Files files = plain();
    files.layers = 3;
    CHECK(says(files.tgi().against, "q_proj has an adapter in 2 of 3 layers"));
    files.layers = 0;   // not known: as many as the adapter has
    CHECK(files.tgi().loads());
    CHECK(says(files.tgi().remarks, "2 layers"));
    files.tensors.resize(files.tensors.size() - 2);
    CHECK(says(files.tgi().against, "v_proj"));
    Files more = plain();
    more.tensors.push_back(tensor("model.norm.weight", {4}));
    CHECK(says(more.tgi().against, "not read"));
}

TEST_CASE("an adapter of another method, or without its tensors, is taken by neither") {
    Files files = plain();
    files.config["peft_type"] = "ADALORA";
    CHECK_FALSE(files.vllm().loads());
    CHECK_FALSE(files.tgi().loads());
    Files empty = plain();
    empty.tensors.clear();
    CHECK(says(empty.vllm().against, "adapter_model.safetensors"));
}

TEST_CASE("adapters as PEFT wrote them are judged as the servers do") {
    struct Case {
        const char* golden;
        bool vllm, tgi;
    };
    for (const Case& c : {Case{"grad-lora-tiny-gqa", true, true}, Case{"grad-lora-rslora", true, true},
                          Case{"grad-lora-layers", true, false}, Case{"grad-lora-patterns", true, false},
                          Case{"grad-lora-lora-bias", false, false}, Case{"grad-lora-bias-all", false, false},
                          Case{"grad-lora-save-norms", false, false}, Case{"grad-lora-embed", true, false}}) {
        const Path folder = source_dir() / "tests/golden" / c.golden / "adapter";
        const Json config = parse_json_file(folder / "adapter_config.json", JsonLimits{});
        const Safetensors file = Safetensors::open(folder / "adapter_model.safetensors");
        const AdapterFiles adapter = {
            .config = JsonField(config, "adapter_config.json", ""), .tensors = file.tensors(), .layers = 2};
        CAPTURE(c.golden);
        CHECK(vllm_verdict(adapter).loads() == c.vllm);
        CHECK(tgi_verdict(adapter).loads() == c.tgi);
    }
}
