#include "model/adapter/adapter_set.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/io/safetensors.h"
#include "model/adapter/peft.h"
#include "model/decoder.h"
#include "model/load.h"
#include "model/names.h"

namespace llmft {
namespace {

using Kind = ModuleSpec::Kind;

std::string folder_name(const std::filesystem::path& folder) {
    const std::filesystem::path path = folder.lexically_normal();
    return (path.has_filename() ? path.filename() : path.parent_path().filename()).string();
}

// What a parameter is: its module, and which of the two factors.
struct Factor {
    std::string module;
    enum class Part : uint8_t { kA, kB, kBias, kEmbeddingA, kEmbeddingB } part;
};

Factor factor_of(const std::string& name) {
    static const std::pair<const char*, Factor::Part> kEnds[] = {{names::kLoraA, Factor::Part::kA},
                                                                 {names::kLoraB, Factor::Part::kB},
                                                                 {names::kLoraBias, Factor::Part::kBias},
                                                                 {names::kLoraEmbeddingA, Factor::Part::kEmbeddingA},
                                                                 {names::kLoraEmbeddingB, Factor::Part::kEmbeddingB}};
    for (const auto& [end, part] : kEnds)
        if (name.ends_with(end)) return {name.substr(0, name.size() - std::string_view(end).size()), part};
    throw InternalError("no factor of an adapter: " + name);
}

ModuleSpec spec_of(const Factor& factor, int64_t hidden_size) {
    const bool embedding = factor.part == Factor::Part::kEmbeddingA || factor.part == Factor::Part::kEmbeddingB;
    const Kind kind = embedding ? Kind::kEmbedding : factor.module == names::head() ? Kind::kHead : Kind::kLinear;
    return {.kind = kind, .path = factor.module, .in = 1, .out = 1, .hidden_size = hidden_size};
}

// A dense (rows, cols) matrix into the corner of a zeroed one that is `wide` wide, times `scale`.
void put(const std::vector<float>& from, int64_t rows, int64_t cols, float scale, std::vector<float>& to,
         int64_t wide) {
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c)
            to[static_cast<size_t>(r * wide + c)] = scale * from[static_cast<size_t>(r * cols + c)];
}

}   // namespace

AdapterSet::AdapterSet(const std::vector<std::filesystem::path>& folders) {
    for (const std::filesystem::path& folder : folders) {
        Adapter adapter = {
            .name = folder_name(folder), .folder = folder, .config = read_lora_config(folder), .values = {}};
        const std::string file = (folder / "adapter_config.json").string();
        if (adapter.config.bias != TrainedBiases::kNone || !adapter.config.modules_to_save.empty())
            throw UserError("SCHEMA", file, adapter.config.modules_to_save.empty() ? "bias" : "modules_to_save",
                            "it changes the base's own weights, which several adapters share",
                            "give this adapter alone, or merge it");
        if (adapter.name == kNone)
            throw UserError("VALUE", "--adapter", folder.string(), "none is what the base alone is called",
                            "rename the folder");
        for (const Adapter& other : adapters_)
            if (other.name == adapter.name)
                throw UserError("DUP", "--adapter", folder.string(),
                                fmt::format("{} and {} would both be called {}", other.folder.string(), folder.string(),
                                            adapter.name),
                                "rename a folder");
        adapters_.push_back(std::move(adapter));
    }
    if (adapters_.empty()) throw InternalError("a set of no adapters");
}

ModuleTraining AdapterSet::module(const ModuleSpec& spec) const {
    ModuleTraining all;
    for (const Adapter& adapter : adapters_) {
        const ModuleTraining one = adapter.config.module(spec);
        all.rank = std::max(all.rank, one.rank);
        all.lora_bias = all.lora_bias || one.lora_bias;
    }
    all.scaling = 1;
    return all;
}

void AdapterSet::read(Adapter& adapter, Run&) const {
    const Safetensors file = open_peft_weights(adapter.folder);
    std::vector<Parameter> own;   // the adapter's tensors, in its own shapes
    for (const Parameter& p : std::as_const(*model_).parameters().parameters()) {
        const Factor factor = factor_of(p.name);
        const ModuleTraining how = adapter.config.module(spec_of(factor, model_->config().hidden_size));
        std::vector<float>& values = adapter.values.emplace_back(static_cast<size_t>(p.rows * p.cols));
        const bool absent = how.rank == 0 || (factor.part == Factor::Part::kBias && !how.lora_bias);
        if (absent) continue;
        const auto scale = static_cast<float>(how.scaling);
        Parameter q = p;
        if (factor.part == Factor::Part::kA)
            q.rows = how.rank;
        else if (factor.part != Factor::Part::kBias)
            q.cols = how.rank;
        const bool is_a = factor.part == Factor::Part::kA || factor.part == Factor::Part::kEmbeddingA;
        put(load_peft_tensor(file, q), q.rows, q.cols, is_a ? 1 : scale, values, p.cols);
        own.push_back(std::move(q));
    }
    expect_no_other_tensors(file, own);
    file.expect_intact();
}

void AdapterSet::initialise(Decoder& model, Run& run) {
    model_ = &model;
    if (run.device.kind() == DeviceKind::kDry) return;
    for (Adapter& adapter : adapters_) read(adapter, run);
    select(adapters_.front().name, run);
}

std::vector<std::string> AdapterSet::names() const {
    std::vector<std::string> names;
    for (const Adapter& adapter : adapters_) names.push_back(adapter.name);
    return names;
}

void AdapterSet::select(const std::string& name, Run& run) {
    if (name == selected_) return;
    const auto found =
        std::find_if(adapters_.begin(), adapters_.end(), [&](const Adapter& a) { return a.name == name; });
    if (found == adapters_.end() && name != kNone)
        throw UserError("VALUE", "adapter", name, "no adapter of this name is loaded",
                        fmt::format("use one of {}, or none", fmt::join(names(), ", ")));
    const std::vector<Parameter>& parameters = std::as_const(*model_).parameters().parameters();
    for (size_t i = 0; i < parameters.size(); ++i)
        if (found == adapters_.end())
            run.device.zero(parameters[i].value, run.stream);
        else
            run.device.upload(parameters[i].value, found->values[i].data(), run.stream);
    model_->publish(run);
    run.device.synchronize(run.stream);
    selected_ = name;
}

void AdapterSet::save(const Decoder&, const SaveFolders&, Run&) const {
    throw InternalError("nothing was trained");
}

}   // namespace llmft
