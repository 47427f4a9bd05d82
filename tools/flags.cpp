#include "tools/flags.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>

#include "engine/io/quote.h"
#include "engine/log/log.h"
#include "kernels/base/error.h"
#include "tools/help_text.h"
#include "tools/run_file.h"
#include "tools/unknown_name.h"

namespace llmft {
namespace {

// CLI11's parser over the table; `values` receives what each option was given, by the option's index.
void fill(CLI::App& app, const std::vector<Option>& options, std::vector<std::vector<std::string>>& values) {
    for (size_t i = 0; i < options.size(); ++i) {
        const auto keep = [&values, i](const CLI::results_t& results) {
            values[i] = results;
            return true;
        };
        app.add_option("--" + options[i].name, keep)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
}

}   // namespace

Flags::Flags(std::string command, std::string summary) : command_(std::move(command)), summary_(std::move(summary)) {
    group("run");
    (*this)("config", config_, "run file (TOML, keys in snake_case); flags win over it");
}

void Flags::declare(Option option) {
    if (find(option.name) != nullptr) throw InternalError("option declared twice: " + option.name);
    option.default_text = text_of(option).value_or("");
    options_.push_back(std::move(option));
}

void Flags::positional(std::string_view label, std::string& value, std::string_view help, const OptionLimits& limits) {
    positional_ = {
        .name = std::string(label), .group = "", .help = std::string(help), .target = &value, .limits = limits};
}

void Flags::positional_list(std::string_view label, std::vector<std::string>& values, std::string_view help) {
    positional(label, last_positional_, help);
    positionals_ = &values;
}

Option* Flags::find(std::string_view name) {
    const auto found =
        std::find_if(options_.begin(), options_.end(), [&](const Option& option) { return option.name == name; });
    return found == options_.end() ? nullptr : &*found;
}

// Every known option as two arguments, name and value, so that values may begin with a dash, and a lone bool gets its
// "true".
std::vector<std::string> Flags::normalised(const std::vector<std::string>& arguments) {
    std::vector<std::string> pairs;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        const size_t equals = argument.find('=');
        const Option* option = argument.starts_with("--") ? find(argument.substr(2, equals - 2)) : nullptr;
        if (option == nullptr && positional_ && (!positional_->given || positionals_) && !argument.starts_with('-')) {
            set_value(*positional_, argument, {.where = positional_->name, .field = ""});
            if (positionals_) positionals_->push_back(argument);
            continue;
        }
        if (option == nullptr) {
            pairs.push_back(argument);
            continue;
        }
        pairs.push_back("--" + option->name);
        const bool more = i + 1 < arguments.size();
        if (equals != std::string::npos) {
            pairs.push_back(argument.substr(equals + 1));
        } else if (type_of(*option) == OptionType::kBool) {
            if (more && (arguments[i + 1] == "True" || arguments[i + 1] == "False"))
                throw UserError("VALUE", pairs.back(), "", in_quotes(arguments[i + 1]) + " is Python's spelling",
                                "write true or false");
            const bool says = more && (arguments[i + 1] == "true" || arguments[i + 1] == "false");
            pairs.push_back(says ? arguments[++i] : "true");
        } else if (more && !arguments[i + 1].starts_with("--")) {
            pairs.push_back(arguments[++i]);
        } else {
            throw UserError("USAGE", pairs.back(), "", "no value follows", fmt::format("write {}=VALUE", pairs.back()));
        }
    }
    return pairs;
}

void Flags::refuse_unknown(const std::string& argument) const {
    if (!argument.starts_with('-'))
        throw UserError("USAGE", "", "", fmt::format("\"{}\": unexpected argument", argument),
                        "options are written --name value");
    const std::string word = argument.substr(0, argument.find('='));
    const std::string name = kebab_case(word.substr(std::min(word.find_first_not_of('-'), word.size())));
    const std::string lists = fmt::format("llmft {} --help lists them", command_);
    if (option_comes_later(name)) throw UserError("USAGE", word, "", "this version does not have it yet", lists);
    std::string meant = meant_option(name, options_);
    if (meant.empty()) meant = nearest(name, {"help"});
    throw UserError("USAGE", word, "", "unknown option",
                    meant.empty() ? lists : fmt::format("did you mean --{}?", meant));
}

Flags::Outcome Flags::parse(const std::vector<std::string>& arguments) {
    if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end()) {
        if (HelpCatcher* const catcher = HelpCatcher::listening()) {
            catcher->caught = command_help();
            return Outcome::kHelp;
        }
        const std::string text = help();
        std::fwrite(text.data(), 1, text.size(), stdout);
        return Outcome::kHelp;
    }
    std::vector<std::vector<std::string>> values(options_.size());
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    fill(app, options_, values);
    std::vector<std::string> pairs = normalised(arguments);
    std::reverse(pairs.begin(), pairs.end());   // CLI11 takes them from the back
    try {
        app.parse(pairs);
    } catch (const CLI::ParseError& error) {
        throw UserError("USAGE", "", "", error.what(), fmt::format("llmft {} --help lists the options", command_));
    }
    if (const auto extras = app.remaining(); !extras.empty()) refuse_unknown(extras.front());
    for (size_t i = 0; i < values.size(); ++i)
        if (values[i].size() > 1)
            throw UserError("USAGE", "--" + options_[i].name, "", "said twice", "keep one of them");

    if (!values[0].empty()) {
        set_value(options_[0], values[0].front(), {.where = "--config", .field = ""});
        std::set<std::string> others;
        for (const OptionHelp& option : help_of(known_commands(), "train").options) others.insert(option.name);
        others.erase(options_[0].name);
        read_run_file(config_, options_, others);
    }
    for (size_t i = 1; i < values.size(); ++i)
        if (!values[i].empty())
            set_value(options_[i], values[i].front(), {.where = "--" + options_[i].name, .field = ""});
    note_without_effect();
    return Outcome::kRun;
}

// Not of a default that is said again: run files say them all.
void Flags::note_without_effect() {
    for (const Option& option : options_) {
        if (!option.given || option.limits.needs.empty() || text_of(option) == option.default_text) continue;
        const std::vector<std::string> needed = split_choices(option.limits.needs, '=');
        const Option* const other = find(needed[0]);
        const std::vector<std::string> values = split_choices(needed[1]);
        if (other == nullptr || std::find(values.begin(), values.end(), text_of(*other)) != values.end()) continue;
        log::note(fmt::format("--{} has no effect: it needs --{}", option.name, fmt::join(needed, " ")));
    }
}

void Flags::require(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names)
        for (const Option& option : options_)
            if (option.name == name && text_of(option).value_or("").empty())
                throw UserError("USAGE", fmt::format("--{}", name), "", "missing",
                                fmt::format("llmft {} needs it: --{} {}", command_, name, placeholder(option)));
}

bool Flags::given(std::string_view name) const {
    return std::any_of(options_.begin(), options_.end(),
                       [&](const Option& option) { return option.name == name && option.given; });
}

std::string Flags::help() const {
    return help_text(command_help());
}

CommandHelp Flags::command_help() const {
    const auto help_of_option = [](const Option& option) {
        using Form = OptionHelp::Form;
        const OptionLimits& limits = option.limits;
        const bool free_text = type_of(option) == OptionType::kText && limits.one_of.empty();
        return OptionHelp{.name = option.name,
                          .group = option.group,
                          .help = option.help,
                          .value = placeholder(option),
                          .choices = choices(option),
                          .form = !limits.list_of.empty() ? Form::kList
                                  : free_text             ? Form::kText
                                                          : Form::kOne,
                          .default_text = option.default_text};
    };
    CommandHelp help = {.name = command_, .summary = summary_};
    if (positional_) {
        help.positional = help_of_option(*positional_);
        help.positional->value.clear();   // its label says it
    }
    for (const Option& option : options_) help.options.push_back(help_of_option(option));
    return help;
}

std::string Flags::used() const {
    std::string text;
    for (const Option& option : options_)
        if (const auto value = text_of(option); value && !value->empty())
            text += fmt::format("  --{} {}\n", option.name, *value);
    return text;
}

std::vector<std::pair<std::string, std::string>> Flags::settings() const {
    std::vector<std::pair<std::string, std::string>> settings;
    for (const Option& option : options_)
        if (const auto value = text_of(option); value && option.name != "config")
            settings.emplace_back(snake_case(option.name), *value);
    return settings;
}

std::string Flags::run_file() const {
    return run_file_text(command_, options_);
}

}   // namespace llmft
