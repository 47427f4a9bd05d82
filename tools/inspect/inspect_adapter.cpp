#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "model/adapter/lora_config.h"
#include "model/adapter/methods.h"
#include "model/adapter/peft.h"
#include "tools/inspect/finding.h"
#include "tools/inspect/inspection.h"
#include "tools/inspect/servers.h"
#include "tools/inspect/tensors.h"
#include "tools/open_model.h"
#include "tools/session.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

// What one module of the base gets.
struct AdaptedModule {
    int64_t rank = 0, in = 0, out = 0;
    double alpha = 0, scaling = 0;   // 0: not known
    bool bias = false, magnitude = false;
};

struct AdapterTensors {
    std::map<std::string, AdaptedModule> modules;   // by the path in the base
    std::vector<std::string> whole;                 // trained as they are: biases, modules_to_save
    TensorTotals totals;

    void add(const SafeTensor& tensor) {
        totals.add(tensor);
        const std::string_view name =
            std::string_view(tensor.name)
                .substr(tensor.name.starts_with(kPeftPrefix) ? std::string_view(kPeftPrefix).size() : 0);
        const auto rows = tensor.shape.empty() ? 0 : tensor.shape.front(),
                   cols = tensor.shape.empty() ? 0 : tensor.shape.back();
        const auto module = [&](std::string_view suffix) -> AdaptedModule* {
            if (!name.ends_with(suffix)) return nullptr;
            return &modules[std::string(name.substr(0, name.size() - suffix.size()))];
        };
        for (const std::string_view suffix : {".lora_A.weight", ".lora_embedding_A", ".lora_A"})
            if (AdaptedModule* const m = module(suffix)) {
                m->rank = rows;
                m->in = cols;
                return;
            }
        for (const std::string_view suffix : {".lora_B.weight", ".lora_embedding_B", ".lora_B"})
            if (AdaptedModule* const m = module(suffix)) {
                m->out = rows;
                return;
            }
        if (AdaptedModule* const m = module(".lora_B.bias")) {
            m->bias = true;
        } else if (AdaptedModule* const d = module(".lora_magnitude_vector")) {
            d->magnitude = true;
        } else {
            whole.emplace_back(name);
        }
    }
};

std::string list_text(const JsonField& config, const char* key) {
    const auto found = config.find(key);
    if (!found) return "none";
    if (found->json().is_string()) return "matching " + found->json().get<std::string>();
    if (!found->json().is_array()) return found->json().dump();
    constexpr size_t kListed = 8;
    std::string text;
    size_t listed = 0;
    for (const Json& item : found->json()) {
        if (listed++ == kListed) return fmt::format("{}, and {} more", text, found->json().size() - kListed);
        text += (text.empty() ? "" : ", ") + (item.is_string() ? item.get<std::string>() : item.dump());
    }
    return text.empty() ? "none" : text;
}

std::string value_text(const JsonField& config, const char* key) {
    const auto found = config.find(key);
    if (!found) return "not said";
    return found->json().is_string() ? found->json().get<std::string>() : found->json().dump();
}

OrderedJson verdict_json(const ServerVerdict& verdict) {
    return {{"server", verdict.server},
            {"loads", verdict.loads()},
            {"against", verdict.against},
            {"remarks", verdict.remarks}};
}

void print_verdict(const ServerVerdict& verdict, Sheet& sheet) {
    sheet.row(verdict.server, verdict.loads() ? "loads it" : "no: " + verdict.against.front());
    for (size_t i = 1; i < std::min<size_t>(verdict.against.size(), 6); ++i) sheet.row("", verdict.against[i]);
    for (const std::string& remark : verdict.remarks) sheet.row("", remark);
}

// One line for all modules of a kind that are alike.
void print_modules(const AdapterTensors& tensors, Sheet& sheet) {
    std::map<std::vector<std::string>, int64_t> kinds;
    for (const auto& [path, m] : tensors.modules)
        ++kinds[{path.substr(path.rfind('.') + 1), std::to_string(m.rank), fmt::format("{}", m.alpha),
                 fmt::format("{:.4g}", m.scaling), std::to_string(m.in), std::to_string(m.out)}];
    std::vector<std::vector<std::string>> table = {{"modules", "rank", "alpha", "scaling", "in", "out", "count"}};
    for (const auto& [kind, count] : kinds) {
        table.push_back(kind);
        table.back().push_back(std::to_string(count));
    }
    if (table.size() == 1) return;
    sheet.blank();
    sheet.table(table);
}

OrderedJson modules_json(const AdapterTensors& tensors) {
    OrderedJson list = OrderedJson::array();
    for (const auto& [path, m] : tensors.modules)
        list.push_back({{"module", path},
                        {"rank", m.rank},
                        {"alpha", m.alpha == 0 ? OrderedJson(nullptr) : OrderedJson(m.alpha)},
                        {"scaling", m.scaling == 0 ? OrderedJson(nullptr) : OrderedJson(m.scaling)},
                        {"in", m.in},
                        {"out", m.out},
                        {"bias", m.bias},
                        {"magnitude", m.magnitude}});
    return list;
}

// rank_pattern is in the tensors' shapes; alpha_pattern only in the config.
void add_scalings(const LoraConfig& config, AdapterTensors& tensors) {
    for (auto& [path, m] : tensors.modules) {
        m.alpha = config.alphas.at(path, config.alpha);
        const auto rank = static_cast<double>(m.rank);
        if (m.rank > 0) m.scaling = m.alpha / (config.use_rslora ? std::sqrt(rank) : rank);
    }
}

// Whether the adapter's tensors are those that its config makes of this base: as training from it would read them.
void expect_fits_base(const Path& folder, const ModelConfig& base) {
    const auto tuning = make_inference(folder);
    const SessionShape shape = {
        .tokens = 1, .recompute = {}, .use = SessionShape::Use::kEvaluate, .quantization = base.quantization};
    Session dry(make_dry_device(), -1, base, shape, *tuning);
    Run run = dry.run();
    tuning->initialise(dry.model(), run);
    read_peft_weights(folder, std::as_const(dry.model()).parameters().parameters(), run);
}

}   // namespace

Inspection inspect_adapter(const Path& folder, const InspectOptions& options) {
    const std::string file = (folder / "adapter_config.json").string();
    const Json document = parse_json_file(file, JsonLimits{});
    const JsonField config(document, file, "");
    const std::string type = config.at("peft_type").text();

    const Path weights = folder / "adapter_model.safetensors";
    std::optional<Safetensors> opened;
    AdapterTensors tensors;
    if (exists(weights)) opened = Safetensors::open(weights);
    if (opened)
        for (const SafeTensor& tensor : opened->tensors()) tensors.add(tensor);
    AdapterFiles adapter = {.config = config, .tensors = {}};
    if (opened) adapter.tensors = opened->tensors();
    std::optional<ModelConfig> base;
    if (!options.model.empty()) base = read_model_config(*open_model(options.model));
    if (base) adapter.layers = base->num_hidden_layers;

    std::optional<std::string> problem = reason_against([&] { add_scalings(read_lora_config(folder), tensors); });
    if (!problem && !opened) problem = weights.string() + ": no such file";
    if (!problem && base) problem = reason_against([&] { expect_fits_base(folder, *base); });
    const std::vector<ServerVerdict> verdicts = {vllm_verdict(adapter), tgi_verdict(adapter)};

    Sheet sheet;
    sheet.title(fmt::format("{}: an adapter, {}", folder.string(), type));
    sheet.row("base model", value_text(config, "base_model_name_or_path"));
    sheet.row("r", value_text(config, "r"));
    sheet.row("lora_alpha", value_text(config, "lora_alpha") + (config.flag_or("use_rslora", false) ? ", rsLoRA" : ""));
    sheet.row("targets", list_text(config, "target_modules"));
    sheet.row("trained whole", list_text(config, "modules_to_save"));
    sheet.row("bias", value_text(config, "bias"));
    sheet.row("parameters",
              opened ? fmt::format("{}; {}", grouped_digits(tensors.totals.whole.elements), tensors.totals.text())
                     : "no adapter_model.safetensors");
    sheet.row("llmft", problem ? "cannot: " + *problem : "train from it, eval, generate, merge");
    for (const ServerVerdict& verdict : verdicts) print_verdict(verdict, sheet);
    print_modules(tensors, sheet);

    OrderedJson servers = OrderedJson::array();
    for (const ServerVerdict& verdict : verdicts) servers.push_back(verdict_json(verdict));
    return {{{"kind", "adapter"},
             {"path", folder.string()},
             {"peft_type", type},
             {"base_model", config.json().value("base_model_name_or_path", Json(nullptr))},
             {"config", document},
             {"parameters", tensors.totals.whole.elements},
             {"dtypes", tensors.totals.json()},
             {"modules", modules_json(tensors)},
             {"whole", tensors.whole},
             {"usable", !problem},
             {"problem", problem ? OrderedJson(*problem) : OrderedJson(nullptr)},
             {"servers", std::move(servers)}},
            sheet.text()};
}

}   // namespace llmft
