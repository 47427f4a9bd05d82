// verify: every hash of a folder; where it has none, that its files are whole and their numbers finite.
#include <fmt/format.h>

#include "engine/io/model_files.h"
#include "engine/train/checkpoint_folder.h"
#include "engine/train/run_state.h"
#include "kernels/base/error.h"
#include "model/adapter/adapter_file.h"
#include "model/config.h"
#include "tools/cmd.h"
#include "tools/flags.h"
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
    std::string path, checked;   // "hashes", or "layout and numbers" of a folder without hashes
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
    Verified result = {.path = folder.string(), .checked = "layout and numbers; the folder has no hashes"};
    if (fs::exists(folder / "adapter_config.json")) {
        AdapterFile::open(folder).expect_intact();
        result.files = 2;
        result.bytes = static_cast<int64_t>(fs::file_size(folder / "adapter_model.safetensors"));
        return result;
    }
    read_model_config(FolderModel(folder));
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

std::vector<Verified> verify(const Path& folder) {
    if (!fs::is_directory(folder))
        throw UserError("PATH", folder.string(), "", "is no folder", "give a checkpoint, model or adapter folder");
    std::vector<Verified> all;
    for (const int64_t step : checkpoint_steps(folder)) all.push_back(verify_hashes(checkpoint_path(folder, step)));
    const bool result = fs::exists(folder / "adapter_config.json") || fs::exists(folder / "config.json");
    const bool checkpoint = fs::exists(folder / kRunStateName);
    if (checkpoint || fs::exists(folder / kManifestName))
        all.push_back(verify_hashes(folder));
    else if (result)
        all.push_back(verify_contents(folder));
    if (all.empty())
        throw UserError("SCHEMA", folder.string(), "", "holds no checkpoint, model or adapter",
                        "give such a folder, or a run's output folder");
    return all;
}

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
    OrderedJson json = OrderedJson::array();
    for (const Verified& v : verify(options.path)) {
        json.push_back({{"path", v.path}, {"checked", v.checked}, {"files", v.files}, {"bytes", v.bytes}});
        if (!options.json)
            fmt::print("{}: good: {} ({} {}, {})\n", v.path, v.checked, v.files, v.files == 1 ? "file" : "files",
                       bytes_text(v.bytes));
    }
    if (options.json) fmt::print("{}", json_line(json));
    return 0;
}

}   // namespace llmft
