// runs: the training runs in some folders, side by side.
#include <fmt/format.h>

#include "kernels/base/error.h"
#include "tools/cmd.h"
#include "tools/flags.h"
#include "tools/report/run_list.h"

namespace llmft {
namespace {

struct RunsOptions {
    std::vector<std::string> folders;
    std::string html;
    bool json = false;

    template <class V>
    void visit(V&& v) {
        v.group("output");
        v("html", html, "writes a page that compares them: curves, results, settings that differ");
        v("json", json, "one JSON document on stdout");
    }
};

}   // namespace

int cmd_runs(const std::vector<std::string>& arguments) {
    RunsOptions options;
    Flags flags("runs", "lists the training runs in folders and below them, with their losses");
    flags.positional_list("DIR", options.folders, "output folders of runs, or folders that hold some");
    flags.add(options);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    if (options.folders.empty())
        throw UserError("USAGE", "DIR", "", "missing", "llmft runs needs at least one: llmft runs DIR");
    const std::vector<RunSummary> runs = find_runs(options.folders);
    if (!options.html.empty()) write_file(options.html, runs_page(runs, options.html));
    fmt::print("{}", options.json ? json_line(runs_json(runs)) : runs_table(runs));
    return 0;
}

}   // namespace llmft
