#include <fmt/format.h>

#include "kernels/base/error.h"
#include "tools/cmd.h"
#include "tools/flags.h"
#include "tools/inspect/inspection.h"

namespace llmft {

int cmd_inspect(const std::vector<std::string>& arguments) {
    const std::vector<std::string> rest(arguments.begin() + !arguments.empty(), arguments.end());
    if (!arguments.empty() && arguments.front() == "data") return inspect_data(rest);
    if (!arguments.empty() && arguments.front() == "decode") return inspect_decode(rest);
    if (!arguments.empty() && arguments.front() == "template") return inspect_template(rest);

    InspectOptions options;
    Flags flags(
        "inspect",
        "what something is, and what is wrong with it: a model or adapter folder, a .safetensors or .gguf file, rows, "
        "a "
        "chat template.\n`inspect data --help`: rows as training sees them; `inspect decode --help`: tokens as text; "
        "`inspect template --help`: rows as a chat template writes them.");
    flags.positional("PATH", options.path, "file or folder to look at");
    flags.add(options);
    if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
    if (options.path.empty())
        throw UserError("USAGE", "PATH", "", "missing", "llmft inspect needs it: llmft inspect PATH");
    const Inspection found = inspect_path(options);
    fmt::print("{}", options.json ? json_line(found.json) : found.page);
    return 0;
}

}   // namespace llmft
