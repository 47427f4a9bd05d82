#include "model/adapter/merged_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "engine/ops/gemm.h"
#include "engine/ops/upload.h"
#include "kernels/base/parallel.h"
#include "model/names.h"

namespace llmft {
namespace {

constexpr const char* kOtherBase = "give the base model that the adapter was trained on";

int64_t rows_of(const std::vector<int64_t>& shape) {
    return shape.size() < 2 ? 1 : shape[0];
}

// One tensor of the result: where its numbers come from.
struct Origin {
    const StoredTensor* base;
    const SafeTensor* whole = nullptr;      // instead of the base
    std::optional<LowRank> low_rank = {};   // added to it
    const SafeTensor* bias = nullptr;       // of lora_B, added to it
    double bias_scaling = 0;

    bool changed() const { return whole != nullptr || low_rank || bias != nullptr; }
};

class MergedWeights final : public ModelWeights {
public:
    MergedWeights(const ModelSource& base, const AdapterFile& adapter, const ModelConfig& config, Device& device)
        : ModelWeights(base.path()),
          base_(base.weights()),
          adapter_(adapter),
          config_(config),
          device_(device),
          profile_(Profile::Clock::kOff) {
        place_all();
        arena_.emplace(device, arena_bytes());
    }

    StoredRows rows(const StoredTensor& tensor, int64_t first, int64_t count,
                    std::vector<std::byte>& scratch) const override {
        const Origin& origin = origins_.find(tensor.name)->second;
        const int64_t cols = tensor.cols();
        std::vector<float> sum = start(origin, first, count, cols);
        if (origin.low_rank) add_product(*origin.low_rank, first, count, sum);
        if (origin.bias != nullptr) add_bias(origin, sum);
        const auto bytes = std::as_bytes(std::span(sum));
        scratch.assign(bytes.begin(), bytes.end());
        return {scratch, DType::kF32};
    }
    void release(const StoredTensor& tensor) const override {
        base_->release(*origins_.find(tensor.name)->second.base);
    }
    void expect_intact() const override {
        base_->expect_intact();
        adapter_.expect_intact();
    }

    bool untied() const { return untied_; }
    int64_t changed() const {
        return std::count_if(origins_.begin(), origins_.end(), [](const auto& o) { return o.second.changed(); });
    }

private:
    // Which tensors there are, each with its part of the adapter; every part of the adapter has to find its place.
    void place_all() {
        const std::string head = names::weight(names::head()), embedding = names::weight(names::embedding());
        const bool tied = config_.tie_word_embeddings;
        untied_ = tied && (adapter_.find(names::embedding()) != nullptr || adapter_.find(names::head()) != nullptr);
        const StoredTensor* shared = nullptr;   // a tied model has it under either name
        if (tied) shared = base_->find(embedding) != nullptr ? base_->find(embedding) : &base_->at(head);
        for (const StoredTensor& tensor : base_->tensors()) {
            if (tensor.name.ends_with(".rotary_emb.inv_freq")) continue;
            if (tied && (tensor.name == embedding || tensor.name == head)) continue;
            place(tensor.name, tensor);
        }
        if (tied) place(embedding, *shared);
        if (untied_) place(head, *shared);
        expect_all_placed();
        std::vector<StoredTensor> tensors;
        for (const auto& [name, origin] : origins_)
            tensors.push_back({.name = name,
                               .file = origin.base->file,
                               .type = std::string(safetensors_name(stored_dtype(*origin.base))),
                               .shape = origin.base->shape,
                               .storage = Storage::kPlain});
        set_tensors(std::move(tensors));
    }

    void place(const std::string& name, const StoredTensor& tensor) {
        Origin origin = {.base = &tensor};
        const size_t dot = std::min(name.rfind('.'), name.size());
        const bool weight = name.substr(dot) == ".weight";
        if (const AdapterModule* module = adapter_.find(name.substr(0, dot))) {
            const auto& pair = module->low_rank;
            if (pair) adapter_.config().expect_rank(name.substr(0, dot), config_.hidden_size);
            origin.whole = weight ? module->weight : module->bias;
            if (weight && pair) origin.low_rank = pair;
            if (!weight && pair && pair->bias != nullptr) {
                origin.bias = pair->bias;
                origin.bias_scaling = pair->scaling;
            }
            expect_fits(origin);
        }
        origins_.emplace(name, origin);
    }

    void expect_fits(const Origin& origin) {
        const StoredTensor& base = *origin.base;
        const auto refuse = [&](const std::string& key, const std::string& what) {
            throw UserError("SHAPE", adapter_.file(), key, what, kOtherBase);
        };
        if (origin.whole != nullptr) {
            placed_.insert(origin.whole->name);
            if (origin.whole->shape != base.shape)
                refuse(origin.whole->name, fmt::format("shape ({}), {} has ({})", fmt::join(origin.whole->shape, ", "),
                                                       base.name, fmt::join(base.shape, ", ")));
        }
        if (origin.bias != nullptr) placed_.insert(origin.bias->name);
        if (!origin.low_rank) return;
        const LowRank& pair = *origin.low_rank;
        const int64_t rows = pair.embedding ? pair.in : pair.out, cols = pair.embedding ? pair.out : pair.in;
        placed_.insert(pair.a->name);
        if (rows_of(base.shape) != rows || base.cols() != cols)
            refuse(pair.a->name, fmt::format("it changes a matrix of {} by {}, {} has {} by {}", rows, cols, base.name,
                                             rows_of(base.shape), base.cols()));
    }

    void expect_all_placed() const {
        for (const auto& [path, module] : adapter_.modules()) {
            const SafeTensor* const pair = module.low_rank ? module.low_rank->a : nullptr;
            for (const SafeTensor* part : {pair, module.weight, module.bias})
                if (part != nullptr && !placed_.contains(part->name))
                    throw UserError("SHAPE", adapter_.file(), part->name, "no part of the base model", kOtherBase);
            const SafeTensor* const bias = module.low_rank ? module.low_rank->bias : nullptr;
            if (bias != nullptr && !placed_.contains(bias->name))
                throw UserError("SHAPE", adapter_.file(), bias->name,
                                path + " has no bias in the base that it could be added to",
                                "an adapter with lora_bias stays beside its base");
        }
    }

    DType stored_dtype(const StoredTensor& tensor) const {
        if (tensor.storage == Storage::kPlain)
            for (const DType dtype : {DType::kF32, DType::kBf16, DType::kF16})
                if (tensor.type == safetensors_name(dtype)) return dtype;
        return config_.dtype.value_or(DType::kBf16);
    }

    // Both factors of the largest pair and a piece of their product.
    int64_t arena_bytes() const {
        int64_t most = 0;
        for (const auto& [name, origin] : origins_) {
            if (!origin.low_rank) continue;
            const LowRank& pair = *origin.low_rank;
            most = std::max(most,
                            pair.rank * (pair.in + pair.out) + std::max(kPieceElements, std::max(pair.in, pair.out)));
        }
        constexpr int64_t kTensors = 3;   // each begins at the device's alignment
        return most * size_bytes(DType::kF32) + kTensors * Device::kAlignment;
    }

    // Rows of the base, or of what replaces it.
    std::vector<float> start(const Origin& origin, int64_t first, int64_t count, int64_t cols) const {
        if (origin.whole != nullptr) {
            const DType dtype = dtype_of(*origin.whole, adapter_.file());
            return ops::converted_to_f32(origin.whole->bytes.data() + first * cols * size_bytes(dtype), dtype,
                                         count * cols);
        }
        const StoredRows rows = base_->rows(*origin.base, first, count, scratch_);
        return ops::converted_to_f32(rows.bytes.data(), rows.dtype, count * cols);
    }

    Tensor uploaded(const SafeTensor& tensor, Run& run) const {
        const Tensor to = arena_->take("merge", DType::kF32, tensor.shape[0], tensor.shape[1]);
        ops::upload_converted(to, tensor.bytes.data(), dtype_of(tensor, adapter_.file()), run);
        return to;
    }

    // A piece at a time, whatever number of rows is asked for.
    void add_product(const LowRank& pair, int64_t first, int64_t count, std::vector<float>& sum) const {
        Run run = {.device = device_, .stream = device_.stream(), .arena = *arena_, .rng = rng_, .profile = profile_};
        const Arena::Mark mark(*arena_);
        const Tensor a = uploaded(*pair.a, run), b = uploaded(*pair.b, run);
        const int64_t cols = pair.embedding ? pair.out : pair.in;
        const int64_t step = std::max<int64_t>(1, kPieceElements / cols);
        std::vector<float> delta;
        for (int64_t done = 0; done < count; done += step) {
            const int64_t rows = std::min(step, count - done);
            const Arena::Mark piece(*arena_);
            const Tensor product = arena_->take("merge", DType::kF32, rows, cols);
            ops::gemm({.a = pair.embedding ? a.columns(first + done, rows) : b.row_slice(first + done, rows),
                       .a_op = pair.embedding ? Transpose::kYes : Transpose::kNo,
                       .b = pair.embedding ? b : a,
                       .b_op = pair.embedding ? Transpose::kYes : Transpose::kNo,
                       .c = product,
                       .out_mode = OutMode::kOverwrite},
                      run);
            delta.resize(static_cast<size_t>(rows * cols));
            device_.download(delta.data(), product, run.stream);
            const auto scaling = static_cast<float>(pair.scaling);
            float* const to = sum.data() + done * cols;
            parallel_rows(rows, rows_per_task(cols), [&](int64_t begin, int64_t end) {
                for (int64_t i = begin * cols; i < end * cols; ++i) to[i] += delta[static_cast<size_t>(i)] * scaling;
            });
        }
    }

    void add_bias(const Origin& origin, std::vector<float>& sum) const {
        const std::vector<float> bias = adapter_values(*origin.bias, adapter_.file());
        const auto scaling = static_cast<float>(origin.bias_scaling);
        for (size_t i = 0; i < sum.size(); ++i) sum[i] += bias[i] * scaling;
    }

    static constexpr int64_t kPieceElements = int64_t{1} << 22;   // of a product at a time: 16 MiB

    std::unique_ptr<ModelWeights> base_;
    const AdapterFile& adapter_;
    const ModelConfig& config_;
    Device& device_;
    std::map<std::string, Origin, std::less<>> origins_;
    std::set<std::string, std::less<>> placed_;
    bool untied_ = false;
    // Room to compute rows in.
    mutable std::optional<Arena> arena_;
    mutable Profile profile_;
    mutable std::vector<std::byte> scratch_;
    Rng rng_ = {.seed = 0, .step = 0};
};

}   // namespace

MergedModel::MergedModel(const ModelSource& base, const AdapterFile& adapter, Device& device)
    : ModelSource(base.path()), base_(base), adapter_(adapter), device_(device), config_(read_model_config(base)) {
    const MergedWeights weights(base_, adapter_, config_, device_);
    untied_ = weights.untied();
    changed_ = weights.changed();
}

std::string MergedModel::text(std::string_view file, int64_t most_bytes) const {
    if (file != "config.json") return base_.text(file, most_bytes);
    Json config = base_.json(file, JsonLimits{});
    config.erase("quantization_config");
    if (untied_) config["tie_word_embeddings"] = false;
    return hf_json(config);
}

std::unique_ptr<ModelWeights> MergedModel::weights() const {
    return std::make_unique<MergedWeights>(base_, adapter_, config_, device_);
}

}   // namespace llmft
