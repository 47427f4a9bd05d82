#include "model/adapter/methods.h"

#include <fmt/format.h>

#include "model/adapter/full.h"

namespace llmft {
namespace {

constexpr double kAdapterRate = 2e-4;
constexpr double kFullRate = 2e-5;

std::unique_ptr<Tuning> make_lora(const MethodRequest& request) {
    if (!request.adapter.empty())
        return std::make_unique<Lora>(Lora::from_folder(request.adapter, request.lora.dropout));
    return std::make_unique<Lora>(request.lora, request.seed);
}

std::unique_ptr<Tuning> make_full(const MethodRequest& request) {
    if (!request.adapter.empty())
        throw UserError("USAGE", "--adapter", "", "full fine-tuning has no adapter to continue",
                        "merge it first, or use --method lora");
    return std::make_unique<Full>();
}

constexpr MethodEntry kMethods[] = {
    {"lora", kAdapterRate, make_lora},
    {"qlora", kAdapterRate, make_lora},   // on a base in four bits
    {"full", kFullRate, make_full},
};

class Frozen final : public Tuning {
public:
    ModuleTraining module(const ModuleSpec&) const override { return {}; }
    TiedHead tied_head() const override { return TiedHead::kFollows; }
    void initialise(Decoder&, Run&) override {}
    void before_step(int64_t, Run&) override {}
    void after_grads(int64_t, Run&) override {}
    void save(const Decoder&, const SaveFolders&, Run&) const override { throw InternalError("nothing was trained"); }
};

}   // namespace

const MethodEntry& method(std::string_view name) {
    std::string known;
    for (const MethodEntry& entry : kMethods) {
        if (entry.name == name) return entry;
        known += (known.empty() ? "" : ", ") + std::string(entry.name);
    }
    throw UserError("USAGE", "--method", std::string(name), "this version does not have it",
                    fmt::format("use one of {}", known));
}

std::unique_ptr<Tuning> make_inference(const std::filesystem::path& adapter) {
    if (adapter.empty()) return std::make_unique<Frozen>();
    return std::make_unique<Lora>(Lora::from_folder(adapter, 0));
}

}   // namespace llmft
