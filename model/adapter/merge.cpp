#include "model/adapter/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "engine/io/model_write.h"
#include "engine/ops/gemm.h"
#include "engine/ops/upload.h"
#include "kernels/base/half.h"
#include "kernels/base/parallel.h"
#include "model/load.h"
#include "model/names.h"
#include "model/save.h"

namespace llmft {
namespace {

constexpr int64_t kPieceElements = int64_t{1} << 22;   // summed at a time: 16 MiB of f32
constexpr const char* kOtherBase = "give the base model that the adapter was trained on";

// One tensor of the result: where its numbers come from.
struct Source {
    std::string name;                       // in the result
    const StoredTensor* base = nullptr;     // null: `whole` alone
    const SafeTensor* whole = nullptr;      // instead of the base
    std::optional<LowRank> low_rank = {};   // added to the base
    const SafeTensor* bias = nullptr;       // of lora_B, added to a bias
    double bias_scaling = 0;
    DType dtype = DType::kF32;

    std::vector<int64_t> shape() const { return whole != nullptr ? whole->shape : base->shape; }
    bool changed() const { return whole != nullptr || low_rank || bias != nullptr; }
};

// Which tensors the result has, each with its part of the adapter; every part of the adapter has to find its place.
class Layout {
public:
    Layout(const MergeRequest& request, const ModelWeights& weights) : request_(request), weights_(weights) {
        const bool tied = request.config.tie_word_embeddings;
        const std::string head = names::weight(names::head());
        const auto changes = [&](const std::string& module) { return request.adapter.find(module) != nullptr; };
        untied_ = tied && (changes(names::embedding()) || changes(names::head()));
        for (const StoredTensor& tensor : weights.tensors()) {
            if (tensor.name.ends_with(".rotary_emb.inv_freq") || (tied && tensor.name == head)) continue;
            add(tensor.name, tensor);
        }
        const StoredTensor* embedding = weights.find(names::weight(names::embedding()));
        if (tied && embedding == nullptr)
            add(names::weight(names::embedding()), weights.at(head));   // shared under either name
        if (untied_) add(head, embedding != nullptr ? *embedding : weights.at(head));
        expect_all_placed();
    }

    std::vector<Source>& sources() { return sources_; }
    bool untied() const { return untied_; }

private:
    void add(const std::string& name, const StoredTensor& tensor) {
        Source source = {.name = name, .base = &tensor};
        source.dtype = request_.dtype.value_or(plain_dtype(tensor, request_.config));
        const size_t dot = name.rfind('.');
        const std::string path = name.substr(0, dot);
        const bool weight = name.substr(dot) == ".weight";
        if (const AdapterModule* module = request_.adapter.find(path)) {
            source.whole = weight ? module->weight : module->bias;
            if (source.whole != nullptr) placed_.insert(source.whole->name);
            if (weight && module->low_rank) place(*module->low_rank, tensor, source);
            if (!weight && module->low_rank && module->low_rank->bias != nullptr) {
                source.bias = module->low_rank->bias;
                source.bias_scaling = module->low_rank->scaling;
                placed_.insert(source.bias->name);
            }
            if (source.whole != nullptr) expect_shape(*source.whole, tensor);
        }
        sources_.push_back(std::move(source));
    }

    void place(const LowRank& pair, const StoredTensor& tensor, Source& source) {
        const int64_t rows = pair.embedding ? pair.in : pair.out, cols = pair.embedding ? pair.out : pair.in;
        if (tensor.rows() != rows || tensor.cols() != cols)
            throw UserError("SHAPE", request_.adapter.file(), pair.a->name,
                            fmt::format("it changes a matrix of {} by {}, {} has {} by {}", rows, cols, tensor.name,
                                        tensor.rows(), tensor.cols()),
                            kOtherBase);
        source.low_rank = pair;
        placed_.insert(pair.a->name);
        placed_.insert(pair.b->name);
    }

    void expect_shape(const SafeTensor& whole, const StoredTensor& tensor) const {
        if (whole.shape == tensor.shape) return;
        throw UserError("SHAPE", request_.adapter.file(), whole.name,
                        fmt::format("shape ({}), {} has ({})", fmt::join(whole.shape, ", "), tensor.name,
                                    fmt::join(tensor.shape, ", ")),
                        kOtherBase);
    }

    void expect_all_placed() const {
        for (const auto& [path, module] : request_.adapter.modules()) {
            const SafeTensor* const parts[] = {module.low_rank ? module.low_rank->a : nullptr,
                                               module.low_rank ? module.low_rank->bias : nullptr, module.weight,
                                               module.bias};
            for (const SafeTensor* part : parts) {
                if (part == nullptr || placed_.contains(part->name)) continue;
                const bool no_bias =
                    module.low_rank && part == module.low_rank->bias && placed_.contains(module.low_rank->a->name);
                throw UserError("SHAPE", request_.adapter.file(), part->name,
                                no_bias ? fmt::format("{} has no bias in the base that it could be added to", path)
                                        : "no part of the base model",
                                no_bias ? "an adapter with lora_bias stays beside its base" : kOtherBase);
            }
        }
    }

    const MergeRequest& request_;
    const ModelWeights& weights_;
    std::vector<Source> sources_;
    std::set<std::string, std::less<>> placed_;
    bool untied_ = false;
};

// Computes one tensor after the other into a buffer of its own.
class Merger {
public:
    Merger(const MergeRequest& request, const ModelWeights& weights, Device& device, int64_t arena_bytes)
        : request_(request),
          weights_(weights),
          device_(device),
          arena_(device, arena_bytes),
          profile_(Profile::Clock::kOff) {}

    Bytes tensor(const Source& source) {
        const std::vector<int64_t> shape = source.shape();
        const int64_t cols = shape.empty() ? 1 : shape.back();
        int64_t rows = 1;
        for (size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
        buffer_.resize(static_cast<size_t>(rows * cols * size_bytes(source.dtype)));
        Run run = {.device = device_, .stream = device_.stream(), .arena = arena_, .rng = rng_, .profile = profile_};
        const Arena::Mark mark(arena_);
        Tensor a, b;
        if (source.low_rank && source.whole == nullptr) {
            a = uploaded(*source.low_rank->a, run);
            b = uploaded(*source.low_rank->b, run);
        }
        const int64_t step = std::max<int64_t>(1, kPieceElements / std::max<int64_t>(1, cols));
        for (int64_t first = 0; first < rows; first += step) {
            const int64_t count = std::min(step, rows - first);
            std::vector<float> sum = start(source, first, count, cols);
            if (a) add_product(source, a, b, first, count, sum, run);
            if (source.bias != nullptr && source.whole == nullptr) add_bias(source, sum);
            store(source, sum, first * cols);
        }
        return buffer_;
    }

private:
    Tensor uploaded(const SafeTensor& tensor, Run& run) {
        const DType dtype = dtype_of(tensor, request_.adapter.file());
        const Tensor to = arena_.take("merge", DType::kF32, tensor.shape[0], tensor.shape[1]);
        ops::upload_converted(to, tensor.bytes.data(), dtype, run);
        return to;
    }

    // Rows of the base, or of what replaces it, in f32.
    std::vector<float> start(const Source& source, int64_t first, int64_t count, int64_t cols) {
        if (source.whole != nullptr) {
            const DType dtype = dtype_of(*source.whole, request_.adapter.file());
            return ops::converted_to_f32(source.whole->bytes.data() + first * cols * size_bytes(dtype), dtype,
                                         count * cols);
        }
        const StoredRows rows = weights_.rows(*source.base, first, count, scratch_);
        return ops::converted_to_f32(rows.bytes.data(), rows.dtype, count * cols);
    }

    void add_product(const Source& source, const Tensor& a, const Tensor& b, int64_t first, int64_t count,
                     std::vector<float>& sum, Run& run) {
        const LowRank& pair = *source.low_rank;
        const Arena::Mark mark(arena_);
        const Tensor delta = arena_.take("merge", DType::kF32, count, pair.embedding ? pair.out : pair.in);
        if (pair.embedding)
            ops::gemm({.a = a.columns(first, count),
                       .a_op = Transpose::kYes,
                       .b = b,
                       .b_op = Transpose::kYes,
                       .c = delta,
                       .out_mode = OutMode::kOverwrite},
                      run);
        else
            ops::gemm({.a = b.row_slice(first, count),
                       .a_op = Transpose::kNo,
                       .b = a,
                       .b_op = Transpose::kNo,
                       .c = delta,
                       .out_mode = OutMode::kOverwrite},
                      run);
        delta_.resize(sum.size());
        device_.download(delta_.data(), delta, run.stream);
        const auto scaling = static_cast<float>(pair.scaling);
        const int64_t cols = delta.cols;
        parallel_rows(count, rows_per_task(cols), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin * cols; i < end * cols; ++i)
                sum[static_cast<size_t>(i)] += delta_[static_cast<size_t>(i)] * scaling;
        });
    }

    void add_bias(const Source& source, std::vector<float>& sum) {
        const std::vector<float> bias = adapter_values(*source.bias, request_.adapter.file());
        const auto scaling = static_cast<float>(source.bias_scaling);
        for (size_t i = 0; i < sum.size(); ++i) sum[i] += bias[i] * scaling;
    }

    void store(const Source& source, const std::vector<float>& sum, int64_t at) {
        std::byte* const to = buffer_.data() + at * size_bytes(source.dtype);
        ops::convert(to, source.dtype, sum.data(), DType::kF32, static_cast<int64_t>(sum.size()));
        const Bytes stored(to, sum.size() * static_cast<size_t>(size_bytes(source.dtype)));
        const int64_t wrong = first_nonfinite(stored, safetensors_name(source.dtype));
        if (wrong >= 0)
            throw NumericalError(
                fmt::format("{}: element {} is {} and has no finite value in {}; write --dtype bf16 or f32",
                            source.name, at + wrong, sum[static_cast<size_t>(wrong)], name(source.dtype)));
    }

    const MergeRequest& request_;
    const ModelWeights& weights_;
    Device& device_;
    Arena arena_;
    Profile profile_;
    Rng rng_ = {.seed = 0, .step = 0};
    std::vector<std::byte> buffer_, scratch_;
    std::vector<float> delta_;
};

// Both factors of the largest pair and a piece of their product.
int64_t arena_bytes(const std::vector<Source>& sources) {
    int64_t most = 0;
    for (const Source& source : sources) {
        if (!source.low_rank) continue;
        const int64_t cols = source.low_rank->embedding ? source.low_rank->out : source.low_rank->in;
        const int64_t piece = std::max(kPieceElements, cols);
        most = std::max(most, source.low_rank->rank * (source.low_rank->in + source.low_rank->out) + piece);
    }
    constexpr int64_t kTensors = 3;   // each begins on the device's alignment
    return most * size_bytes(DType::kF32) + kTensors * Device::kAlignment;
}

DType most_common(const std::vector<Source>& sources) {
    std::map<DType, int64_t> elements;
    for (const Source& source : sources) {
        int64_t count = 1;
        for (const int64_t x : source.shape()) count *= x;
        elements[source.dtype] += count;
    }
    const auto most = std::max_element(elements.begin(), elements.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == elements.end() ? DType::kF32 : most->first;
}

}   // namespace

MergeResult merge_adapter(const MergeRequest& request, Device& device) {
    const auto weights = request.base.weights();
    Layout layout(request, *weights);
    Merger merger(request, *weights, device, arena_bytes(layout.sources()));
    MergeResult result = {.dtype = most_common(layout.sources()), .untied = layout.untied()};
    std::vector<TensorToWrite> tensors;
    int64_t done = 0;
    const auto all = static_cast<int64_t>(layout.sources().size());
    for (const Source& source : layout.sources()) {
        result.tensors += 1;
        result.changed += source.changed();
        int64_t bytes = size_bytes(source.dtype);
        for (const int64_t x : source.shape()) bytes *= x;
        result.bytes += bytes;
        tensors.push_back({.name = source.name, .dtype = source.dtype, .shape = source.shape(), .bytes = [&] {
                               if (request.on_tensor) request.on_tensor(done++, all);
                               return merger.tensor(source);
                           }});
    }
    write_model_weights(request.output, std::move(tensors));
    weights->expect_intact();
    request.adapter.expect_intact();
    Json config = plain_config(request.base, result.dtype);
    if (result.untied) config["tie_word_embeddings"] = false;
    write_file(request.output / "config.json", hf_json(config));
    return result;
}

}   // namespace llmft
