// Chat templates against transformers' Jinja2 (tests/oracle/templates.py), and what no template may do.
#include "data/template/template.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <optional>

#include "engine/io/file.h"
#include "tests/engine/refusal.h"
#include "tests/harness/paths.h"
#include "tests/harness/skip.h"
#include "tests/harness/test_data.h"

using namespace llmft;
using namespace llmft::test;

namespace {

constexpr int64_t kLargest = 1 << 22;

OrderedJson golden(const char* name) {
    const Path path = source_dir() / "tests/golden/templates" / name;
    return parse_ordered_json(read_file(path, kLargest), path.string(), {});
}

// The text, or "error: …".
std::string rendered(const std::string& source, const OrderedJson& variables = OrderedJson::object()) {
    try {
        return Template(source, "t.jinja").render(variables).text;
    } catch (const TemplateError& error) {
        return "error: " + error.reason();
    }
}

constexpr const char* kJuly2024 = "1722038400";   // the time that tests/oracle/templates.py gives

// SOURCE_DATE_EPOCH, and what it was before, afterwards.
class FixedClock {
public:
    explicit FixedClock(const char* seconds) {
        if (const char* before = std::getenv(kName)) before_ = before;
        setenv(kName, seconds, 1);
    }
    ~FixedClock() {
        if (before_)
            setenv(kName, before_->c_str(), 1);
        else
            unsetenv(kName);
    }
    FixedClock(const FixedClock&) = delete;
    FixedClock& operator=(const FixedClock&) = delete;

private:
    static constexpr const char* kName = "SOURCE_DATE_EPOCH";
    std::optional<std::string> before_;
};

std::string digest(const RenderedTemplate& result) {
    std::string bytes = result.text;
    for (const RenderedTemplate::Span& span : result.generation) bytes += fmt::format("{},{};", span.begin, span.end);
    uint32_t value = 0x811c9dc5;   // FNV-1a
    for (const char c : bytes) value = (value ^ static_cast<unsigned char>(c)) * 0x01000193;
    return fmt::format("{:08x}", value);
}

std::string digest_of(const std::string& source, const OrderedJson& variables) {
    try {
        return digest(Template(source, "t.jinja").render(variables));
    } catch (const TemplateError&) {
        return "error";
    }
}

bool is_refused(const std::string& source, const std::string& part) {
    const auto start = std::chrono::steady_clock::now();
    const std::string text = rendered(source);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    INFO(source.substr(0, 80), " gave ", text.substr(0, 80), " after ", seconds, " s");
    CHECK(seconds < 120);   // seconds at most in a release build; sanitizers are slow
    return text.starts_with("error: ") && text.find(part) != std::string::npos;
}

std::string repeated(const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
}

}   // namespace

TEST_CASE("small templates give Jinja2's text, spans and errors") {
    const OrderedJson file = golden("cases.json");
    int wrong = 0;
    for (const OrderedJson& one : file.at("cases")) {
        const auto source = one.at("template").get<std::string>();
        CAPTURE(source);
        try {
            const RenderedTemplate got = Template(source, "t.jinja").render(file.at("variables"));
            INFO("got ", got.text);
            CHECK(one.contains("text"));
            if (!one.contains("text")) continue;
            CHECK(got.text == one.at("text").get<std::string>());
            OrderedJson spans = OrderedJson::array();
            for (const RenderedTemplate::Span& s : got.generation) spans.push_back({s.begin, s.end});
            CHECK(spans == one.value("generation", OrderedJson::array()));
        } catch (const TemplateError& error) {
            INFO("refused: ", error.what());
            CHECK(one.contains("error"));
        }
        ++wrong;
    }
    CHECK(wrong > 300);
}

TEST_CASE("the chat templates of TRL and llama.cpp give transformers' text and assistant spans") {
    if (!test_data("conformance")) return skip("no conformance");
    const OrderedJson file = golden("shared.json");
    const FixedClock clock(kJuly2024);   // some templates print the date
    for (const auto& file_entry : file.at("files").items()) {
        const std::string& path = file_entry.key();
        const OrderedJson& digests = file_entry.value();
        const auto template_file = test_data(path);
        REQUIRE(template_file);
        const std::string source = read_file(*template_file, kLargest);
        size_t i = 0;
        for (const auto& context : file.at("contexts").items()) {
            const std::string& name = context.key();
            const OrderedJson& variables = context.value();
            CAPTURE(path);
            CAPTURE(name);
            CHECK(digest_of(source, variables) == digests.at(i++).get<std::string>());
        }
    }
}

TEST_CASE("the conformance cases of huggingface.js give Jinja2's text") {
    for (const char* name : {"unit_cases.json", "e2e_cases.json"}) {
        const auto path = test_data(std::string("conformance/hf-jinja/") + name);
        if (!path) return skip("no conformance/hf-jinja");
        for (const OrderedJson& one : parse_ordered_json(read_file(*path, kLargest), path->string(), {})) {
            CAPTURE(one.at("name").get<std::string>());
            const bool unit = one.contains("template");
            const std::string want = one.at("jinja2_3_1_2_output").get<std::string>();
            const std::string got = rendered(one.at(unit ? "template" : "chat_template").get<std::string>(),
                                             one.at(unit ? "context" : "data"));
            if (want.starts_with("EXC:"))
                CHECK(got.starts_with("error: "));
            else if (one.dump().find("strftime_now") == std::string::npos)   // the day it was made
                CHECK(got == want);
        }
    }
}

TEST_CASE("errors say which template, which line, and Jinja's reason") {
    const auto refusal = [](const std::string& source, const OrderedJson& variables) {
        return refusal_of([&] { Template(source, "chat.jinja").render(variables); });
    };
    CHECK(refusal("a\n{{ x.y }}", {{"x", 1}}).kind.empty());   // an attribute that is not there prints as nothing
    const Refusal undefined = refusal("a\n\n{{ x.y.z }}", {{"x", 1}});
    CHECK(undefined.kind == "TEMPLATE");
    CHECK(undefined.names("chat.jinja: line 3: 'int object' has no attribute 'y'"));
    CHECK(refusal("{{ a.b }}", OrderedJson::object()).names("'a' is undefined"));
    CHECK(refusal("x\n{% if %}", OrderedJson::object()).names("line 2"));
    CHECK(refusal("{{ raise_exception('Roles must ' ~ n) }}", {{"n", "alternate"}}).names("Roles must alternate"));
    CHECK(rendered("{{ raise_exception('exactly this') }}") == "error: exactly this");
    CHECK(refusal("\xff", OrderedJson::object()).names("is not UTF-8"));
}

TEST_CASE("strftime_now takes the time from SOURCE_DATE_EPOCH, in UTC") {
    {
        const FixedClock clock(kJuly2024);
        CHECK(rendered("{{ strftime_now('%d %b %Y %H:%M') }}") == "27 Jul 2024 00:00");
        CHECK(rendered("[{{ strftime_now('') }}]") == "[]");
        CHECK(is_refused("{{ strftime_now('%1000000Y') }}", "too long"));
    }
    const FixedClock clock("yesterday");
    CHECK(is_refused("{{ strftime_now('%d') }}", "SOURCE_DATE_EPOCH"));
}

TEST_CASE("keys keep the order of the text that they come from") {
    const OrderedJson row = parse_ordered_json(R"({"d": {"z": 1, "a": {"y": 2, "b": 3}}})", "row", {});
    CHECK(rendered("{{ d|tojson }}{% for k in d %}{{ k }}{% endfor %}", row) == R"({"z": 1, "a": {"y": 2, "b": 3}}za)");
}

TEST_CASE("nesting of any kind is refused before it could exhaust the stack") {
    const int n = 5000;
    for (const std::string& source :
         {"{{ " + repeated("(", n) + "1" + repeated(")", n) + " }}",
          "{{ " + repeated("[", n) + repeated("]", n) + " }}", "{{ " + repeated("not ", n) + "1 }}",
          "{{ " + repeated("- ", n) + "1 }}", "{{ " + repeated("1+", n) + "1 }}", "{{ a" + repeated(".a", n) + " }}",
          "{{ a" + repeated("|string", n) + " }}", "{{ " + repeated("1 if 0 else ", n) + "1 }}",
          "{{ " + repeated("dict(", n) + repeated(")", n) + " }}",
          repeated("{% if 1 %}", n) + repeated("{% endif %}", n),
          std::string("{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}"),
          std::string("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"),
          std::string("{% macro m() %}{{ caller }}{% call m() %}{% endcall %}{% endmacro %}{{ m() }}"),
          std::string("{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}"
                      "{{ ns.x }}"),
          std::string("{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns }}")})
        CHECK(is_refused(source, "nested too deeply"));
    // Freed without recursion, too: nothing looks into this one.
    CHECK(rendered("{% set ns = namespace(x=none) %}{% for i in range(99999) %}{% set ns.x = namespace(y=ns.x) %}"
                   "{% endfor %}a") == "a");
}

TEST_CASE("work without end is refused") {
    const std::string dag =
        "{% set ns = namespace(x=(1,1)) %}{% for i in range(99) %}{% set ns.x = (ns.x,ns.x) %}{% endfor %}";
    for (const std::string& source :
         {std::string("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"),
          dag + "{{ ns.x == ns.x }}", dag + "{{ ns.x }}", dag + "{{ ns.x|tojson }}", dag + "{{ {ns.x: 1} }}",
          dag + "{{ ns.x < ns.x }}",
          std::string("{% set s = ' '*10000000 %}{% for x in range(100000) %}{{ s.strip() }}{% endfor %}"),
          std::string(
              "{% set s = 'a'*1000000 %}{% set t = 'a'*500000 ~ 'b' %}{% for x in range(100000) %}{{ s.find(t) }}"
              "{{ s.rfind(t) }}{% endfor %}"),
          std::string("{% set l = range(100000)|list %}{% for x in l %}{{ x in l }}{% endfor %}")})
        CHECK(is_refused(source, "too many steps"));
}

TEST_CASE("texts, lists and numbers without end are refused before they take memory") {
    for (const char* source :
         {"{{ 'a'*10**15 }}", "{{ ('a'*10000000)*10000000 }}", "{{ range(100000)|join('x'*100000) }}",
          "{{ 'a'|center(10**15) }}", "{{ ''.ljust(10**15) }}", "{{ '1'.zfill(10**15) }}",
          "{{ 'a\nb'|indent(10**15) }}",
          "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
          "{% for i in range(99) %}{{ 'x'*10000000 }}{% endfor %}"})
        CHECK(is_refused(source, "a text that is too long"));
    CHECK(is_refused("{{ [1]*10**15 }}", "a list that is too long"));
    CHECK(is_refused("{{ range(10**12) }}", "Range too big"));
    CHECK(is_refused("{{ 9**9**9 }}", "beyond 64 bits"));
    CHECK(is_refused("{{ '%999999999d' % 1 }}", "not supported"));
    CHECK(is_refused("{{ '{:999999999}'.format(1) }}", "not supported"));
    CHECK(is_refused("{{ [1]|tojson(indent=10**9) }}", "indent"));
    CHECK(is_refused("{{ [1]|batch(10**12)|list }}", "batch"));
}

TEST_CASE("every prefix of a template is rendered or refused") {
    const std::string source =
        "{%- set ns = namespace(a=[1, 'é']) -%}{% for m in x|d([{}]) if m.y is not none %}{{ "
        "m['a'][1:]|tojson(indent=2) ~ "
        "'\\u00e9' }}{# c #}{% raw %}{{{% endraw %}{% else %}{{ -1.5e3 // 2 }}{% endfor %}";
    CHECK(rendered(source) == "error: 'dict object' has no attribute 'a'");
    for (size_t n = 0; n < source.size(); ++n) rendered(source.substr(0, n));
}
