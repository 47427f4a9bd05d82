// verify: every hash of a folder; where it has none, that its files are whole, fit one another and have finite numbers.
// Whatever is damaged, the rest is checked too.
#include <fmt/format.h>

#include "engine/io/model_files.h"
#include "engine/train/checkpoint_folder.h"
#include "engine/train/run_state.h"
#include "kernels/base/error.h"
#include "model/adapter/adapter_file.h"
#include "model/config.h"
#include "tools/cmd.h"
#include "tools/flags.h"
#include "tools/open_model.h"
#include "tools/session.h"
#include "tools/sheet.h"

namespace llmft {
namespace {

namespace fs = std::filesystem;

struct VerifyOptions {
    std::string path;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("output");
        v("json", json, "one JSON document on stdout");
    }
};

struct Verified {
    std::string path, checked;   // "hashes", or what else of a folder without hashes
    int64_t files = 0, bytes = 0;
};

Verified verify_hashes(const Path& folder) {
    const Manifest manifest = read_manifest(folder);
    expect_files(folder, manifest, ManifestCheck::kContents);
    return {.path = folder.string(),
            .checked = "hashes",
            .files = static_cast<int64_t>(manifest.files.size()),
            .bytes = manifest.bytes()};
}

Verified verify_contents(const Path& folder) {
    Verified result = {.path = folder.string(), .checked = "layout, shapes and numbers; the folder has no hashes"};
    if (is_there(folder / "adapter_config.json")) {
        AdapterFile::open(folder).expect_intact();
        result.files = 2;
        result.bytes = static_cast<int64_t>(fs::file_size(folder / "adapter_model.safetensors"));
        return result;
    }
    const FolderModel model(folder);
    expect_weights_of(read_model_config(model), *model.weights());
    const ModelFiles files = ModelFiles::open(folder);
    for (const std::string_view name : files.names()) {
        const ModelFiles::Place place = files.at(name);
        expect_finite(*place.tensor, *place.file);
        files.release(name);
    }
    files.expect_intact();
    result.files = 1;
    result.bytes = files.total_bytes();
    return result;
}

struct Target {
    Path folder;
    Verified (*verify)(const Path& folder);
};

std::vector<Target> targets_of(const Path& folder) {
    if (!fs::is_directory(folder))
        throw UserError("PATH", folder.string(), "", "is no folder", "give a checkpoint, model or adapter folder");
    std::vector<Target> targets;
    for (const int64_t step : checkpoint_steps(folder))
        targets.push_back({checkpoint_path(folder, step), verify_hashes});
    const bool result = is_there(folder / "adapter_config.json") || is_there(folder / "config.json");
    const bool checkpoint = is_there(folder / kRunStateName);
    if (checkpoint || is_there(folder / kManifestName))
        targets.push_back({folder, verify_hashes});
    else if (result)
        targets.push_back({folder, verify_contents});
    if (targets.empty())
        throw UserError("SCHEMA", folder.string(), "", "holds no checkpoint, model or adapter",
                        "give such a folder, or a run's output folder");
    return targets;
}

struct Report {
    OrderedJson json = OrderedJson::array();   // an entry for each target
    std::string page, bad_ones;                // a line for each that is good, and bad
    std::optional<UserError> first;            // what is wrong with the first that is bad
    int64_t bad = 0;

    void add(const Target& target) {
        try {
            expect_regular_files(target.folder);
            const Verified v = target.verify(target.folder);
            json.push_back(
                {{"path", v.path}, {"good", true}, {"checked", v.checked}, {"files", v.files}, {"bytes", v.bytes}});
            page += fmt::format("{}: good: {} ({} {}, {})\n", v.path, v.checked, v.files,
                                v.files == 1 ? "file" : "files", bytes_text(v.bytes));
        } catch (const UserError& error) {
            json.push_back({{"path", target.folder.string()}, {"good", false}, {"problem", error.what()}});
            bad_ones += fmt::format("{}: bad: {}\n", target.folder.string(), error.what());
            if (!first) first = error;
            ++bad;
        }
    }
};

}   // namespace

int cmd_verify(const std::vector<std::string>& arguments) {
    VerifyOptions options;
    Flags flags("verify",
                "checks every hash of a checkpoint, a model or adapter folder, or all of a run's output folder");
    flags.positional("PATH", options.path, "folder to check");
    flags.add(options);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    if (options.path.empty())
        throw UserError("USAGE", "PATH", "", "missing", "llmft verify needs it: llmft verify PATH");
    const std::vector<Target> targets = targets_of(options.path);
    Report report;
    for (const Target& target : targets) report.add(target);
    fmt::print("{}", options.json ? json_line(report.json) : report.page + (report.bad > 1 ? report.bad_ones : ""));
    if (report.first && targets.size() > 1)
        throw UserError(report.first->kind(), "", "",
                        fmt::format("{} ({} of {} folders are bad)", report.first->what(), report.bad, targets.size()),
                        "");
    if (report.first) throw UserError(*report.first);
    return 0;
}

}   // namespace llmft
