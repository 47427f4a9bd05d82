// Bases in four bits: what is computed on them is what is computed on the folder of their decoded weights, bit for bit.
#include <doctest/doctest.h>

#include <algorithm>

#include "engine/core/weight_store.h"
#include "engine/io/model_write.h"
#include "engine/ops/upload.h"
#include "model/adapter/methods.h"
#include "model/quantize.h"
#include "model/save.h"
#include "tests/engine/refusal.h"
#include "tests/harness/paths.h"
#include "tests/harness/temp_folder.h"
#include "tests/model/golden.h"
#include "tests/model/measure.h"

using namespace llmft;
using namespace llmft::test;

namespace {

const std::filesystem::path kGoldenFolder = source_dir() / "tests/golden";

// The decoded weights of a folder in four bits, as a plain bf16 folder: as what they were quantised from.
void write_decoded(const std::filesystem::path& packed, const std::filesystem::path& to) {
    std::filesystem::create_directories(to);
    write_plain_model(FolderModel(packed), {.dtype = std::nullopt, .output = to});
}

struct Result {
    Tensors gradients;
    double loss = 0;
    std::vector<float> logits;
    bool operator==(const Result&) const = default;
};

Result computed(const std::filesystem::path& folder, const LoraOptions& lora, const SessionOptions& options) {
    const Golden golden = read_golden("tiny-wide");   // its documents
    Lora tuning(lora, 5);
    const auto session = open_session(folder, tuning, options);
    // B begins as zero, and so would the gradient of A.
    Run run = session->run();
    for (const Parameter& p : std::as_const(session->model()).parameters().parameters()) {
        std::vector<float> values(static_cast<size_t>(p.value.count()));
        run.device.download(values.data(), p.value, run.stream);
        for (size_t i = 0; i < values.size(); ++i) values[i] += 0.02f * static_cast<float>(static_cast<int>(i % 7) - 3);
        run.device.upload(p.value, values.data(), run.stream);
    }
    tuning.before_step(0, run);
    Result result;
    result.logits = logits_of(*session, golden.examples.back());
    result.loss = gradients_of(*session, golden.examples).loss;
    result.gradients = gradients(*session);
    return result;
}

LoraOptions adapter(const std::string& targets = "all-linear") {
    return {.r = 3, .alpha = 6, .dropout = 0, .target_modules = targets};
}

}   // namespace

TEST_CASE("loss, logits and gradients of QLoRA have the bits of LoRA on the decoded weights") {
    for (const char* name : {"tiny-nf4", "tiny-fp4"}) {
        CAPTURE(std::string(name));
        const TempFolder decoded;
        write_decoded(kGoldenFolder / name, decoded.path());
        for (const GemmEngine gemm : gemm_engines())
            for (const DType dtype : {DType::kF32, DType::kBf16}) {
                if (!cpu::gemm_has(gemm, dtype)) continue;
                for (const double dropout : {0.0, 0.25}) {
                    LoraOptions lora = adapter();
                    lora.dropout = dropout;
                    const SessionOptions options = {.gemm = gemm, .dtype = dtype, .seed = 3};
                    const Result packed = computed(kGoldenFolder / name, lora, options);
                    CHECK(packed == computed(decoded.path(), lora, options));
                    CHECK(packed.gradients.size() == 28);
                }
            }
    }
}

TEST_CASE("what the backward reruns decodes the same weights again") {
    const SessionOptions plain = {.seed = 3};
    SessionOptions rerun = plain;
    rerun.recompute = Recompute::kFull;
    CHECK(computed(kGoldenFolder / "tiny-nf4", adapter(), plain) ==
          computed(kGoldenFolder / "tiny-nf4", adapter(), rerun));
}

TEST_CASE("some adapted linears beside plain ones of a group, and groups without, decode the same weights") {
    const TempFolder decoded;
    write_decoded(kGoldenFolder / "tiny-nf4", decoded.path());
    for (const char* targets : {"v_proj", "down_proj", "q_proj,up_proj"}) {
        CAPTURE(std::string(targets));
        CHECK(computed(kGoldenFolder / "tiny-nf4", adapter(targets), {}) ==
              computed(decoded.path(), adapter(targets), {}));
    }
}

TEST_CASE("a model that is quantised while it loads is the folder that quantize writes") {
    for (const auto& [name, kind, double_quant] : {std::tuple{"tiny-nf4", Quant4::kNf4, DoubleQuant::kYes},
                                                   std::tuple{"tiny-fp4", Quant4::kFp4, DoubleQuant::kNo}}) {
        SessionOptions options;
        options.quantization = Quantization(kind, double_quant);
        CHECK(computed(kGoldenFolder / "tiny-wide", adapter(), options) ==
              computed(kGoldenFolder / name, adapter(), {}));
    }
}

TEST_CASE("a linear that is trained whole is not quantised, its neighbours are") {
    // The decoded folder with the unquantised q_proj in its place.
    const TempFolder mixed;
    const FolderModel packed(kGoldenFolder / "tiny-nf4"), whole(kGoldenFolder / "tiny-wide");
    const auto decoded = packed.weights(), plain = whole.weights();
    std::vector<TensorToWrite> tensors;
    std::vector<std::byte> scratch;
    for (const StoredTensor& t : decoded->tensors()) {
        const bool keeps = t.name.ends_with("q_proj.weight");
        tensors.push_back({.name = t.name, .dtype = DType::kBf16, .shape = t.shape, .bytes = [&, keeps] {
                               const ModelWeights& from = keeps ? *plain : *decoded;
                               return from.rows(from.at(t.name), 0, t.rows(), scratch).bytes;
                           }});
    }
    write_model_weights(mixed.path(), std::move(tensors));
    std::filesystem::copy_file(kGoldenFolder / "tiny-wide/config.json", mixed.path() / "config.json");

    LoraOptions lora = adapter("k_proj,v_proj,o_proj");
    lora.modules_to_save = "q_proj";
    SessionOptions options;
    options.quantization = Quantization(Quant4::kNf4, DoubleQuant::kYes);
    for (const DType dtype : {DType::kF32, DType::kBf16}) {
        options.dtype = dtype;
        CHECK(computed(kGoldenFolder / "tiny-wide", lora, options) == computed(mixed.path(), lora, {.dtype = dtype}));
    }
}

TEST_CASE("shards of a quantised model are cut where transformers cuts them") {
    const FolderModel base(kGoldenFolder / "tiny-wide");
    const ModelConfig config = read_model_config(base);
    const auto frozen = make_inference("");
    Session figure(make_dry_device(), -1, config,
                   {.tokens = 1,
                    .recompute = {},
                    .use = SessionShape::Use::kEvaluate,
                    .quantization = Quantization(Quant4::kNf4, DoubleQuant::kYes)},
                   *frozen);
    const TempFolder folder;
    quantize_model({.base = base,
                    .figure = figure.model(),
                    .dtype = std::nullopt,
                    .output = folder.path(),
                    .shard_bytes = 6000,
                    .on_bytes = [](int64_t done, int64_t all) { CHECK(done < all); }});
    CHECK(parse_json_file(folder.path() / "model.safetensors.index.json", {}) ==
          parse_json_file(kGoldenFolder / "four-bit/shards.json", {}));
    Lora a(adapter(), 5), b(adapter(), 5);
    CHECK(logits_of(*open_session(folder.path(), a, {}), read_golden("tiny-wide").examples.back()) ==
          logits_of(*open_session(kGoldenFolder / "tiny-nf4", b, {}), read_golden("tiny-wide").examples.back()));
}

// ---- what config.json says

namespace {

Quantization from_json(const Json& json) {
    return Quantization::read(JsonField(json, "config.json", "quantization_config"));
}

}   // namespace

TEST_CASE("quantization_config is read with transformers' defaults, and written as transformers writes it") {
    const Quantization plain = from_json({{"quant_method", "bitsandbytes"}, {"load_in_4bit", true}});
    CHECK(plain.kind() == Quant4::kFp4);
    CHECK(plain.double_quant() == DoubleQuant::kNo);
    for (const char* name : {"tiny-nf4", "tiny-fp4"}) {
        Json saved = parse_json_file(kGoldenFolder / name / "config.json", {}).at("quantization_config");
        const Quantization read = from_json(saved);
        saved["bnb_4bit_compute_dtype"] = "bfloat16";   // asked for when the golden was made
        CHECK(read.config(DType::kBf16) == saved);
    }
    CHECK(plain.config(DType::kF16).at("bnb_4bit_compute_dtype") == "float16");
}

TEST_CASE("other ways to quantise are refused by name") {
    struct Refused {
        Json config;
        const char* named;
    };
    const Refused all[] = {{{{"quant_method", "gptq"}, {"bits", 4}}, "gptq"},
                           {{{"quant_method", "bitsandbytes"}, {"load_in_8bit", true}}, "load_in_4bit"},
                           {{{"bits", 4}}, "load_in_4bit"},
                           {{{"load_in_4bit", true}, {"bnb_4bit_quant_type", "int4"}}, "int4"},
                           {{{"load_in_4bit", 1}}, "load_in_4bit"},
                           {{{"load_in_4bit", true}, {"llm_int8_skip_modules", "lm_head"}}, "llm_int8_skip_modules"},
                           {{{"load_in_4bit", true}, {"llm_int8_skip_modules", {3}}}, "llm_int8_skip_modules"}};
    for (const Refused& one : all) {
        CAPTURE(one.config.dump());
        const Refusal refusal = refusal_of([&] { from_json(one.config); });
        CHECK(refusal.kind == "SCHEMA");
        CHECK(refusal.names(one.named));
    }
    CHECK(refusal_of([] { from_json({{"load_in_4bit", true}, {"llm_int8_skip_modules", {"("}}}); }).kind == "SYNTAX");
    CHECK(refusal_of([] { from_json(Json::array()); }).kind == "SCHEMA");
}

TEST_CASE("skipped modules are names, paths, ends of paths, and expressions for what lies around") {
    const auto covers = [](const Json& skipped, const char* module) {
        return from_json({{"load_in_4bit", true}, {"llm_int8_skip_modules", skipped}}).covers(module);
    };
    constexpr const char* kDown = "model.layers.1.mlp.down_proj";
    CHECK(covers(nullptr, kDown));
    CHECK_FALSE(covers(nullptr, "lm_head"));
    CHECK(covers(Json::array(), "lm_head"));
    CHECK(covers({"lm_head"}, kDown));
    for (const char* entry : {"down_proj", "mlp", "model.layers.1", "layers.1", kDown, "model.layers.*.mlp", "model"})
        CHECK_FALSE_MESSAGE(covers({entry}, kDown), entry);
    for (const char* entry : {"up_proj", "model.layers.11", "model.layers.0", "ayers.2", "model.layers.1.mlp.down"})
        CHECK_MESSAGE(covers({entry}, kDown), entry);
    CHECK(covers({"model.layers.1"}, "model.layers.11.mlp.down_proj"));
}

// ---- the store

TEST_CASE(
    "a lease of a weight in four bits is scratch that its end gives back; slots of such a weight are not to be had") {
    const auto device = make_cpu_device({.gemm = GemmEngine::kPortable});
    Arena arena(*device, 1 << 16);
    Rng rng;
    Profile profile(Profile::Clock::kOff);
    Run run = {.device = *device, .stream = device->stream(), .arena = arena, .rng = rng, .profile = profile};
    using Kept = WeightStore::Part::Kept;
    constexpr int64_t kK = 24, kP = 8;
    WeightStore store;
    const WeightId id = store.add_packed("weights.qkv", DType::kF32, {{Kept::kQuant4, 3}, {Kept::kDense, 2}}, kK, kP,
                                         DoubleQuant::kNo, arena);
    std::vector<float> weight(3 * kK), dense(2 * kK);
    for (size_t i = 0; i < weight.size(); ++i)
        weight[i] = kNf4Code.value[i % 16];   // decodes to itself: the scale is 1
    for (size_t i = 0; i < dense.size(); ++i) dense[i] = static_cast<float>(i);
    const Quant4Buffers encoded({.kind = Quant4::kNf4,
                                 .double_quant = DoubleQuant::kNo,
                                 .encoded = DType::kF32,
                                 .rows = 3,
                                 .cols = kK,
                                 .read = [&](int64_t first, int64_t) { return weight.data() + first * kK; }});
    upload(store.packed(id, 0), encoded.data(), run);
    ops::upload_converted(store.base_rows(id, 3, 2), dense.data(), DType::kF32, run);
    const std::vector<float> a(kP * kK, 2.0f), b(5 * kP, 3.0f);
    ops::upload_converted(store.spare_rows(id), a.data(), DType::kF32, run);
    ops::upload_converted(store.spare_columns(id), b.data(), DType::kF32, run);
    CHECK(store.in_four_bits(id, 0));
    CHECK_FALSE(store.in_four_bits(id, 3));

    const int64_t before = arena.used_bytes();
    {
        const Lease lease = store.acquire(id, Pass::kForward, run);
        CHECK(arena.used_bytes() > before);
        CHECK(std::string(lease.weight.name) == "weights.decoded");
        std::vector<float> got(static_cast<size_t>((5 + kP) * (kK + kP)));
        device->download(got.data(), lease.weight, run.stream);
        const auto at = [&](int64_t r, int64_t c) { return got[static_cast<size_t>(r * (kK + kP) + c)]; };
        for (int64_t r = 0; r < 5 + kP; ++r)
            for (int64_t c = 0; c < kK + kP; ++c) {
                if (r >= 5 && c >= kK) continue;   // nobody's
                const float want = c >= kK  ? 3.0f
                                   : r >= 5 ? 2.0f
                                   : r >= 3 ? dense[static_cast<size_t>((r - 3) * kK + c)]
                                            : weight[static_cast<size_t>(r * kK + c)];
                CHECK(at(r, c) == want);
            }
    }
    CHECK(arena.used_bytes() == before);
    CHECK_THROWS_AS(store.resident(id), InternalError);
    CHECK_THROWS_AS(store.base(id), InternalError);
    CHECK_THROWS_AS(store.base_rows(id, 0, 3), InternalError);
    CHECK_THROWS_AS(store.packed(id, 3), InternalError);
    Quant4Data other = encoded.data();
    other.rows = 2;
    CHECK_THROWS_AS(upload(store.packed(id, 0), other, run), InternalError);
}
