#include <fmt/format.h>

#include "engine/train/checkpoint_folder.h"
#include "engine/train/run_state.h"
#include "tools/inspect/inspection.h"
#include "tools/sheet.h"

namespace llmft {

Inspection inspect_checkpoint(const Path& folder) {
    const Checkpoint checkpoint = open_checkpoint(folder, ManifestCheck::kSizes);
    const RunState state = read_run_state(folder);
    const Json& settings = checkpoint.manifest.facts.at("settings");
    Inspection found;
    found.json = {{"kind", "checkpoint"},
                  {"path", folder.string()},
                  {"step", checkpoint.step},
                  {"num_input_tokens_seen", state.loop.num_tokens},
                  {"skipped_steps", state.loop.skipped},
                  {"bytes", checkpoint.manifest.bytes()},
                  {"settings", settings},
                  {"inputs", checkpoint.manifest.facts.at("inputs")}};
    Sheet sheet;
    sheet.title(fmt::format("{}: a checkpoint, step {}", folder.string(), checkpoint.step));
    const auto setting = [&](const char* name) { return settings.value(name, std::string("?")); };
    sheet.row("run", fmt::format("{} of {} on {}", setting("method"), setting("model"), setting("dataset")));
    sheet.row("tokens", grouped_digits(state.loop.num_tokens));
    if (state.best.step)
        sheet.row("best", fmt::format("eval loss {:.4f} after step {}", state.best.value, *state.best.step));
    if (state.loop.skipped > 0) sheet.row("skipped", fmt::format("{} steps", state.loop.skipped));
    OrderedJson files = OrderedJson::object();
    std::vector<std::vector<std::string>> table = {{"file", "size"}};
    for (const auto& [name, file] : checkpoint.manifest.files) {
        files[name] = file.bytes;
        table.push_back({name, bytes_text(file.bytes)});
    }
    found.json["files"] = files;
    sheet.table(table);
    sheet.row("next", fmt::format("llmft verify {0} checks its hashes; llmft train ... --resume {0} goes on from it",
                                  folder.string()));
    found.page = sheet.text();
    return found;
}

}   // namespace llmft
