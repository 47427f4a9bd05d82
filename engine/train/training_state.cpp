#include "engine/train/training_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/safetensors.h"
#include "kernels/base/error.h"

namespace llmft {
namespace {

struct Entry {
    std::string name;
    Tensor tensor;   // (rows, cols) f32
};

// The optimizer's arrays lie as the flat parameters do: a parameter's part of one begins where its value begins.
std::vector<Entry> entries_of(const TrainedState& state) {
    std::vector<Entry> entries;
    const Tensor flat = state.parameters.values();
    for (const Parameter& p : state.parameters.parameters()) {
        const int64_t at = p.offset;
        entries.push_back({"value." + p.name, p.value});
        for (const Optimizer::State& part : state.optimizer.state()) {
            if (part.tensor.count() != flat.count() || part.tensor.dtype != DType::kF32)
                throw InternalError(fmt::format("optimizer state {} is not laid out as the parameters", part.name));
            Tensor view = part.tensor.columns(at, p.rows * p.cols);
            view.rows = p.rows;
            view.cols = view.ld = p.cols;
            entries.push_back({fmt::format("{}.{}", part.name, p.name), view});
        }
    }
    return entries;
}

}   // namespace

void write_training_state(const Path& folder, const TrainedState& state, Run& run) {
    std::vector<TensorToWrite> tensors;
    std::vector<std::byte> host;
    for (const Entry& entry : entries_of(state))
        tensors.push_back({.name = entry.name,
                           .dtype = DType::kF32,
                           .shape = {entry.tensor.rows, entry.tensor.cols},
                           .bytes = [&host, &run, tensor = entry.tensor] {
                               host.resize(static_cast<size_t>(tensor.count() * size_bytes(DType::kF32)));
                               run.device.download(host.data(), tensor, run.stream);
                               return Bytes(host);
                           }});
    write_safetensors(folder / kTrainingStateName, std::move(tensors));
}

void read_training_state(const Path& folder, const TrainedState& state, Run& run) {
    const Safetensors file = Safetensors::open(folder / kTrainingStateName);
    const std::vector<Entry> entries = entries_of(state);
    const auto refuse = [&](const std::string& name, std::string_view what) {
        throw UserError("STATE", file.file(), "tensor " + name, what,
                        "resume with the options that the checkpoint was made with");
    };
    for (const SafeTensor& stored : file.tensors())
        if (std::none_of(entries.begin(), entries.end(), [&](const Entry& e) { return e.name == stored.name; }))
            refuse(stored.name, "is not of this run");
    for (const Entry& entry : entries) {
        const SafeTensor* stored = file.find(entry.name);
        if (stored == nullptr) refuse(entry.name, "is not there");
        if (stored->dtype != "F32" || stored->shape != std::vector{entry.tensor.rows, entry.tensor.cols})
            refuse(entry.name, "has another type or shape than in this run");
        expect_finite(*stored, file.file());
        run.device.upload(entry.tensor, stored->bytes.data(), run.stream);
        run.device.synchronize(run.stream);
        file.release(*stored);
    }
    file.expect_intact();
}

int64_t training_state_bytes(const TrainedState& state) {
    int64_t bytes = 0;
    for (const Entry& entry : entries_of(state)) bytes += entry.tensor.count() * size_bytes(DType::kF32);
    return bytes;
}

}   // namespace llmft
