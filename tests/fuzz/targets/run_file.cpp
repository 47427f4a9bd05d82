// run.toml: read, written, and read again.
#include "tools/run_file.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/targets.h"
#include "tests/tools/toy_options.h"

namespace llmft::fuzz {
namespace {

// The visitor's face of a table of options.
struct Table {
    std::vector<Option> options = {{.name = "config", .group = "", .help = "", .target = &config}};
    std::string config, group_name;

    void group(std::string_view name) { group_name = name; }
    template <class T>
    void operator()(std::string_view name, T& value, std::string_view help, const OptionLimits& limits = {}) {
        options.push_back({.name = std::string(name),
                           .group = group_name,
                           .help = std::string(help),
                           .target = &value,
                           .limits = limits});
    }
};

struct Run {
    test::ToySchedule schedule;
    test::ToyData data;
    Table table;
    Run() {
        schedule.visit(table);
        data.visit(table);
    }
};

}   // namespace

void read_run_file(std::string_view bytes) {
    static BytesFile file;
    file.put(bytes);
    Run first;
    if (!accepted([&] { read_run_file(file.path(), first.table.options); })) return;
    file.put(run_file_text("train", first.table.options));
    Run second;
    const bool again = accepted([&] { read_run_file(file.path(), second.table.options); });
    expect(again && second.schedule == first.schedule && second.data == first.data, "what is written reads back equal");
}

}   // namespace llmft::fuzz
