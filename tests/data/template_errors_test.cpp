// What a template may not do, in Jinja2's and Python's words; and that each word is said.
#include <doctest/doctest.h>

#include "data/template/template.h"

using namespace llmft;

namespace {

std::string reason_of(const std::string& source) {
    try {
        Template(source, "t.jinja").render(OrderedJson::object());
    } catch (const TemplateError& error) {
        return error.reason();
    }
    return "";
}

}   // namespace

TEST_CASE("a call, a filter or an operator that does not fit its values says so") {
    const struct {
        const char *source, *reason;
    } cases[] = {
        {"{{ 'a'.upper(1) }}", "upper() takes at most 0 arguments (1 given)"},
        {"{{ 'a b'.split(' ', 'x') }}", "'str' object cannot be interpreted as an integer"},
        {"{{ [1]|map(attribute='a', x=1)|list }}", "Unexpected keyword argument 'x'"},
        {"{{ '%s'|format(1, a=2) }}", "can't handle positional and keyword arguments at the same time"},
        {"{{ 'a'|abs }}", "bad operand type for abs(): 'str'"},
        {"{{ 'a'|round }}", "type str doesn't define __round__ method"},
        {"{{ 1.5|round(0, 'up') }}", "method must be common, ceil or floor"},
        {"{{ '{:zz}'.format(1) }}", "a format that is not supported"},
        {"{{ '%s' % (1, 2) }}", "not all arguments converted during string formatting"},
        {"{{ '%y' % 1 }}", "unsupported format character 'y'"},
        {"{{ range('a') }}", "'str' object cannot be interpreted as an integer"},
        {"{{ dict(1, 2) }}", "dict expected at most 1 argument, got 2"},
        {"{{ dict([[1]]) }}", "an element has 1 parts; 2 is required"},
        {"{% set a, b = [1] %}", "not enough values to unpack (expected 2, got 1)"},
        {"{{ [1].index(2) }}", "2 is not in list"},
        {"{{ +'a' }}", "bad operand type for unary +: 'str'"},
        {"{{ [1]['a':] }}", "slice indices must be integers or None or have an __index__ method"},
        {"{% macro m(a=1, b) %}{% endmacro %}", "non-default argument follows default argument"},
        {"{{ {(1, 2): 3}|tojson }}", "keys must be str, int, float, bool or None, not tuple"},
        {"{{ 'a'.startswith(1) }}", "startswith first arg must be str or a tuple of str, not int"},
        {"{{ 'a'.endswith((1,)) }}", "endswith first arg must be str or a tuple of str, not int"},
        {"{{ 'a'.index('b') }}", "substring not found"},
        {"{{ 'a'.rindex('b') }}", "substring not found"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.source);
        const std::string reason = reason_of(c.source);
        CAPTURE(reason);
        CHECK(reason.find(c.reason) != std::string::npos);
    }
}
