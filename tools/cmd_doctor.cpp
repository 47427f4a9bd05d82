#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/io/json.h"
#include "tools/cmd.h"
#include "tools/doctor/checks.h"
#include "tools/flags.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

struct DoctorOptions {
    bool measure = true;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("doctor");
        v("measure", measure, "time products and copies, which takes some two seconds");
        v.group("output");
        v("json", json, "one JSON document on stdout");
    }
};

OrderedJson or_null(const std::string& text) {
    return text.empty() ? OrderedJson(nullptr) : OrderedJson(text);
}

OrderedJson speed_json(const std::optional<ProductSpeed>& speed) {
    return speed ? OrderedJson(speed->gflops) : OrderedJson(nullptr);
}

std::string json_of(const Examined& e, const std::vector<Check>& checks, bool ok) {
    OrderedJson list = OrderedJson::array();
    for (const Check& check : checks)
        list.push_back({{"name", check.name},
                        {"status", name(check.status)},
                        {"value", check.value},
                        {"reason", or_null(check.reason)},
                        {"fix", or_null(check.fix)}});
    const MachineFacts& m = e.machine;
    const OrderedJson quota = std::isfinite(m.quota_cores) ? OrderedJson(m.quota_cores) : OrderedJson(nullptr);
    const OrderedJson gpu_driver = m.gpu_driver ? OrderedJson(*m.gpu_driver) : OrderedJson(nullptr);
    return json_line(
        {{"ok", ok},
         {"version", e.build.version},
         {"compiler", e.build.compiler},
         {"processor", {{"name", m.processor}, {"cores", m.online_cores}, {"features", m.features}}},
         {"isa", e.isa},
         {"threads", e.threads},
         {"allowed_cores", m.allowed_cores},
         {"quota_cores", quota},
         {"onednn", or_null(e.library)},
         {"bf16_products", e.bf16_products},
         {"gflops", {{"f32", speed_json(e.f32)}, {"bf16", speed_json(e.bf16)}, {"portable", speed_json(e.portable)}}},
         {"copy_gb_per_s", e.copy_gbs ? OrderedJson(*e.copy_gbs) : OrderedJson(nullptr)},
         {"memory",
          {{"bytes", m.memory_bytes}, {"available_bytes", m.available_bytes}, {"limit_bytes", m.limit_bytes}}},
         {"gpu", {{"names", m.gpus}, {"driver", gpu_driver}}},
         {"disk",
          {{"folder", e.disk.folder.string()}, {"free_bytes", e.disk.free_bytes}, {"writable", e.disk.writable}}},
         {"mpirun", or_null(e.mpirun)},
         {"checks", std::move(list)}});
}

std::string page_of(const std::vector<Check>& checks) {
    Sheet sheet;
    for (const Check& check : checks) {
        const bool works = check.status == CheckStatus::kWorks;
        sheet.row(check.name, works ? check.value : fmt::format("{}: {}", name(check.status), check.value));
        if (!check.reason.empty()) sheet.row("", "  " + check.reason);
        if (!check.fix.empty()) sheet.row("", "  → " + check.fix);
    }
    return sheet.text();
}

}   // namespace

int cmd_doctor(const std::vector<std::string>& arguments) {
    DoctorOptions options;
    Flags flags("doctor", "this machine: what works, what is slower and why, what is missing, and what to do about it");
    flags.add(options);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    const Examined examined = examine(options.measure);
    const std::vector<Check> checks = judge(examined);
    const auto broken = std::find_if(checks.begin(), checks.end(),
                                     [](const Check& check) { return check.status == CheckStatus::kBroken; });
    const bool ok = broken == checks.end();
    fmt::print("{}", options.json ? json_of(examined, checks, ok) : page_of(checks));
    if (ok) return 0;
    const std::string text = fmt::format("{}: {}: {}; {}", broken->name, broken->value, broken->reason, broken->fix);
    if (broken->name == "memory") throw OutOfMemory(text);
    throw DeviceError(text);
}

}   // namespace llmft
