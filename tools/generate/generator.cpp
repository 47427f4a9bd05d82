#include "tools/generate/generator.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/log/log.h"

namespace llmft {
namespace {

// One adapter stays what it is, so that any kind of it can be used; several, or one to be switched, are a set.
std::unique_ptr<Tuning> make_adapters(const std::vector<std::filesystem::path>& folders,
                                      GeneratorShape::Switching switching) {
    if (folders.empty()) return make_inference("");
    if (folders.size() == 1 && switching == GeneratorShape::Switching::kNotNeeded) return make_inference(folders[0]);
    try {
        return std::make_unique<AdapterSet>(folders);
    } catch (const UserError&) {   // one that trains weights of the base cannot be switched, but used
        if (folders.size() > 1) throw;
        return make_inference(folders[0]);
    }
}
}   // namespace

void rehearse_decoding(const Decoder& model, const DecodeShape& shape, Run& run) {
    DecodeSlots slots(model, shape, run);
    const std::vector<int32_t> ids(static_cast<size_t>(std::min(shape.chunk, shape.capacity)));
    slots.feed(model, 0, ids, run);
    std::vector<DecodeSlots::Next> entries;
    for (int64_t d = 0; d < shape.documents; ++d) {
        slots.truncate(d, 0);
        entries.push_back({.document = d, .id = 0});
    }
    slots.step(model, entries, run);
}

void rehearse_generation(Session& dry, const DecodeShape& shape) {
    Run run = dry.run();
    rehearse_decoding(dry.model(), shape, run);
}

std::vector<std::filesystem::path> adapter_folders(const std::string& list) {
    if (list.empty()) return {};
    if (std::filesystem::exists(list)) return {list};
    std::vector<std::filesystem::path> folders;
    for (size_t begin = 0; begin <= list.size();) {
        const size_t comma = std::min(list.find(',', begin), list.size());
        if (comma == begin)
            throw UserError("VALUE", "--adapter", list, "a name between commas is empty", "write FOLDER,FOLDER");
        folders.emplace_back(list.substr(begin, comma - begin));
        begin = comma + 1;
    }
    return folders;
}

Generator::Generator(const ModelOptions& options, const ModelSource& model, const ModelConfig& config,
                     const GeneratorShape& shape)
    : folders_(adapter_folders(options.adapter)) {
    DecodeShape decode = shape.decode;
    const auto make = [&] { return make_adapters(folders_, shape.switching); };
    const auto use = [&](Session& dry) { rehearse_generation(dry, decode); };
    while (decode.documents > 1 && inference_bytes(options, config, *make(), decode.tokens(), use) > shape.limit_bytes)
        decode.documents = (decode.documents + 1) / 2;
    if (decode.documents < shape.decode.documents)
        log::note(fmt::format("{} prompts at once, not {}: more do not fit the memory", decode.documents,
                              shape.decode.documents));
    inference_ = open_inference(options, model, config, make(), decode.tokens(), use);
    adapters_ = dynamic_cast<AdapterSet*>(inference_.tuning.get());
    if (adapters_) selected_ = adapters_->names().front();
    Run run = inference_.session->run();
    slots_.emplace(inference_.session->model(), decode, run);
}

std::string Generator::adapter_name(const std::string& adapter) const {
    std::vector<std::string> names;
    if (adapters_) names = adapters_->names();
    for (size_t i = 0; i < names.size(); ++i)
        if (adapter == names[i] || folders_[i].lexically_normal() == std::filesystem::path(adapter).lexically_normal())
            return names[i];
    if (!adapters_ && !folders_.empty())
        throw UserError("VALUE", "adapter", adapter, "this one changes weights of the base and stays on",
                        "start without --adapter for the base alone");
    if (adapter == AdapterSet::kNone) return adapter;
    throw UserError(
        "VALUE", "adapter", adapter, "no adapter of this name is loaded",
        names.empty() ? "name its folder in --adapter" : fmt::format("use one of {}, or none", fmt::join(names, ", ")));
}

void Generator::select(const std::string& adapter) {
    if (adapter.empty()) return;
    const std::string name = adapter_name(adapter);
    if (!adapters_ || name == selected_) return;
    Run run = inference_.session->run();
    adapters_->select(name, run);
    selected_ = name;
    for (int64_t d = 0; d < slots_->shape().documents; ++d) slots_->truncate(d, 0);   // the other adapter's keys
}

std::vector<Decoded> Generator::run(std::span<const DecodePrompt> prompts, const GenerationOptions& options,
                                    const DecodeEvents& events) {
    Run run = inference_.session->run();
    return generate(inference_.session->model(), *slots_, prompts, options, events, run);
}

std::vector<Decoded> answer_all(Generator& generator, const std::vector<GenerationRequest>& requests,
                                const GenerationOptions& options, const DecodeEvents& events) {
    std::vector<std::string> adapters;   // in the order in which they are first named
    for (const GenerationRequest& request : requests)
        if (std::find(adapters.begin(), adapters.end(), request.adapter) == adapters.end())
            adapters.push_back(request.adapter);
    // "" is whichever is on, so it has to come before anything is switched.
    std::stable_partition(adapters.begin(), adapters.end(), [](const std::string& name) { return name.empty(); });
    std::vector<Decoded> answers(requests.size());
    for (const std::string& adapter : adapters) {
        generator.select(adapter);
        std::vector<size_t> places;
        std::vector<DecodePrompt> prompts;
        for (size_t i = 0; i < requests.size(); ++i)
            if (requests[i].adapter == adapter) {
                places.push_back(i);
                prompts.push_back({.ids = requests[i].ids, .text = static_cast<uint32_t>(i)});
            }
        DecodeEvents inner = {.stop_requested = events.stop_requested};
        if (events.on_token) inner.on_token = [&](size_t prompt, int32_t id) { events.on_token(places[prompt], id); };
        if (events.on_end) inner.on_end = [&](size_t prompt) { events.on_end(places[prompt]); };
        std::vector<Decoded> some = generator.run(prompts, options, inner);
        for (size_t i = 0; i < places.size(); ++i) answers[places[i]] = std::move(some[i]);
    }
    return answers;
}

}   // namespace llmft
