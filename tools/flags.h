// A command's options: flags, a run file (`--config`), help and print, all from one visit of the option structs.
//
//   Flags flags("train", "fine-tunes a model");
//   flags.add(model_options);
//   flags.add(schedule);
//   if (flags.parse(arguments) == Flags::Outcome::kHelp) return 0;
//   flags.require({"model", "dataset"});
//
// The structs have to outlive the Flags.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/command_help.h"
#include "tools/option.h"

namespace llmft {

class Flags {
public:
    Flags(std::string command, std::string summary);
    Flags(const Flags&) = delete;
    Flags& operator=(const Flags&) = delete;

    template <class Options>
    void add(Options& options) {
        group("options");
        options.visit(*this);
    }

    // The visitor's face.
    void group(std::string_view name) { group_ = name; }
    template <class T>
    void operator()(std::string_view name, T& value, std::string_view help, const OptionLimits& limits = {}) {
        declare({.name = std::string(name),
                 .group = group_,
                 .help = std::string(help),
                 .target = &value,
                 .limits = limits});
    }

    enum class Outcome : uint8_t { kRun, kHelp };
    // `arguments` are those behind the command's name. The run file is read first, so that flags win. With --help
    // somewhere the help is printed on stdout, or given to a HelpCatcher, and nothing else is looked at. `--name value`
    // and `--name=value` are the same; a bool may stand alone. Throws UserError: USAGE for unknown, doubled, stray and
    // incomplete ones, and what set_value and read_run_file throw.
    // What a run file says of train alone is passed over by the other commands. A value that has no effect is noted.
    Outcome parse(const std::vector<std::string>& arguments);

    // Throws UserError that names the first of these that was neither given nor has a default.
    void require(std::initializer_list<std::string_view> names) const;
    // The one argument without dashes that the command takes, `label` in its help; it may stand anywhere.
    void positional(std::string_view label, std::string& value, std::string_view help, const OptionLimits& limits = {});
    // Any number of them.
    void positional_list(std::string_view label, std::vector<std::string>& values, std::string_view help);
    // By a flag or the run file.
    bool given(std::string_view name) const;

    std::string help() const;
    // Everything that is used, a line each: "  --learning-rate 0.0002". What was not set and has no default is left
    // out.
    std::string used() const;
    // Every option that has a value, by its name in run files.
    std::vector<std::pair<std::string, std::string>> settings() const;
    // The whole table, --config first.
    const std::vector<Option>& options() const { return options_; }
    // The same as a run file that can be run again (tools/run_file.h).
    std::string run_file() const;

private:
    CommandHelp command_help() const;
    void declare(Option option);
    Option* find(std::string_view name);
    std::vector<std::string> normalised(const std::vector<std::string>& arguments);
    [[noreturn]] void refuse_unknown(const std::string& argument) const;
    void note_without_effect();

    std::string command_;
    std::string summary_;
    std::string group_;
    std::string config_;
    std::vector<Option> options_;   // the first one is config
    std::optional<Option> positional_;
    std::vector<std::string>* positionals_ = nullptr;   // where there may be many
    std::string last_positional_;                       // of them
};

}   // namespace llmft
