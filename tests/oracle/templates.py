"""Chat templates as transformers renders them: a list of small templates, real ones by the hash of their text, and ids.

tests/golden/templates/
  cases.json     [{"template", "variables", and "text" or "error": true}]
  shared.json    {"contexts": {name: variables}, "files": {file in the data folder: [hash or "error" by context]}}
                 the hash is FNV-1a (32 bits) of the text's UTF-8 and of "begin,end;" of its generation blocks
  chats.json     {tokenizer folder in the data folder: [{"messages", "tools", "add_generation_prompt", "ids"}]}
"""
import copy
import datetime
import json
import pathlib

import common
from transformers import AutoTokenizer
from transformers.utils.chat_template_utils import _compile_jinja_template, _render_with_assistant_indices

VARIABLES = {
    "s": "Hello, Wörld it's", "e": "", "n": 7, "f": 2.5, "t": True, "no": None, "l": [3, 1, 2], "ls": ["b", "A", "c"],
    "d": {"b": 2, "a": 1, "items": 5, "C": [1, {"x": None}]},
    "ld": [{"name": "x", "v": 1}, {"name": "Y", "v": 3}, {"name": "x", "v": 2}], "ws": "  a b\n\tc  ",
    "m": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}],
}
EXPRESSIONS = """
s|upper ¦ s|length ¦ s[::-1] ¦ s[1:-2] ¦ s[-1] ¦ s[99] ¦ s.split() ¦ s.split('l') ¦ s.split('l', 1) ¦ s.split(', ')[-1]
ws.strip() ¦ ws|trim ¦ ws.lstrip() ¦ ws.rstrip('c ') ¦ s.replace('l', 'L') ¦ s.replace('l', 'L', 1) ¦ 'ab'.replace('', '-')
s.startswith('He') ¦ s.endswith(('x', 's')) ¦ s.find('W') ¦ s.find('z') ¦ s.count('l') ¦ s.title() ¦ s|title ¦ s.capitalize()
'straße'|upper ¦ 'ǆ'.title() ¦ 'İ'.lower() ¦ 'ﬁ'.capitalize() ¦ 'a\\tb\\\\n\\'\\x41\\u00e9' ¦ "é\\'" ¦ ["it's", '"', '\\n', '\\x07é\\u200b']
1 + 2 * 3 ** 2 ¦ 7 // 2 ¦ -7 // 2 ¦ -7 % 3 ¦ 7 % -3 ¦ 7 / 2 ¦ 2.5 // 1 ¦ -0.5 % 1 ¦ 1e16 ¦ 1e15 ¦ 0.1 + 0.2 ¦ 1 / 3 ¦ 1e-5 ¦ 5.0 ¦ 2 ** -1
9223372036854775807 ¦ 0x1F + 0b11 + 0o17 + 1_000 ¦ true + 1 ¦ 'ab' * 3 ¦ [1] * 2 ¦ l + [4] ¦ (1,) + (2,) ¦ 'a' ~ 1 ~ none ~ u
1 < 2 < 3 ¦ 1 < 2 > 3 ¦ 'a' < 'b' ¦ [1, 2] < [1, 3] ¦ 1 == 1.0 ¦ true == 1 ¦ 'a' == u ¦ u == v ¦ none == false ¦ 1 in l ¦ 'x' in d ¦ 'b' in d
'ell' in s ¦ 9 not in l ¦ not 1 in l ¦ 1 in u ¦ u in [u] ¦ e or 'x' ¦ n and s ¦ not e ¦ 'y' if t else 'z' ¦ 'y' if no ¦ (1 if no else 2 if t else 3)
d.a ¦ d['items'] ¦ d.items is string ¦ d.get('b') ¦ d.get('z') ¦ d.get('z', 1) ¦ d.keys()|list ¦ d.values()|list ¦ d.items()|list ¦ d|items|list
d ¦ ld[0].name ¦ ld[-1]['v'] ¦ u.x ¦ d.zz ¦ d.zz.y ¦ u['x'] ¦ l.0 ¦ l['0'] ¦ none.x ¦ d.__class__ ¦ l.append(1) ¦ d.update({}) ¦ l.index(1) ¦ l.pop()
l|sort ¦ ls|sort ¦ ls|sort(case_sensitive=true) ¦ ld|sort(attribute='name')|map(attribute='v')|list ¦ l|sort(reverse=true) ¦ l|sum ¦ ld|sum(attribute='v')
l|max ¦ ls|min ¦ ld|max(attribute='v') ¦ l|first ¦ l|last ¦ []|first ¦ l|reverse|list ¦ s|reverse ¦ l|join(', ') ¦ ld|join(',', 'name') ¦ ls|map('upper')|join
ld|selectattr('name', 'equalto', 'x')|list|length ¦ ld|rejectattr('v', 'gt', 1)|map(attribute='v')|list ¦ l|select('odd')|list ¦ l|reject('eq', 1)|list
[0, 1, '', 'a']|select|list ¦ ls|unique|list ¦ ['a', 'A', 1, 1.0]|unique|list ¦ ld|groupby('name') ¦ l|batch(2)|list ¦ l|batch(2, 0)|list ¦ d|dictsort ¦ d|dictsort(true)
l|map('string')|list ¦ l|select('odd')|length ¦ (l|map('int'))[0] ¦ l|list|length ¦ u|list ¦ u|length ¦ n|length ¦ u|default('D') ¦ e|default('D') ¦ e|d('D', true)
d|tojson ¦ d|tojson(indent=2) ¦ s|tojson ¦ s|tojson(ensure_ascii=true) ¦ '🤗'|tojson(ensure_ascii=true) ¦ d|tojson(sort_keys=true) ¦ l|tojson(separators=(',', ':'))
[]|tojson(indent=1) ¦ {}|tojson ¦ u|tojson ¦ 1.0|tojson ¦ (1, 'a')|tojson ¦ {1: 2, none: 3, true: 4}|tojson ¦ '<&>"\\''|tojson ¦ d|tojson(indent='--') ¦ '\\x1f\\x7f'|tojson
'3'|int + 1 ¦ 'x'|int ¦ 'x'|int(-1) ¦ '2.9'|int ¦ 2.9|int ¦ '0x1f'|int(0, 16) ¦ '1.5'|float ¦ 'x'|float ¦ -3|abs ¦ 2.5|round ¦ 2.675|round(2) ¦ 7|round ¦ 2.1|round(0, 'ceil')
'a\\nb\\n\\nc'|indent ¦ 'a\\nb'|indent(2, true) ¦ 'a\\n\\nb'|indent(1, blank=true) ¦ 'a\\nb'|indent('> ') ¦ 'foo bar baz qux'|truncate(9) ¦ 'a b c'|wordcount
'%s-%d-%5.2f|%-4s|%04d|%x|%%' % ('a', 3, 2.5, 'b', 7, 255) ¦ '%(a)s' % d ¦ '%s' % l ¦ '%d' % 'x' ¦ '%s %s' % 'a' ¦ '{} {1}'.format(1, 2) ¦ '{}-{}'.format(1, 'a')
'{0}{x}{0!r}'.format('a', x=2) ¦ '{:>4}|{:<3}|{:^5}|{:03d}|{:.1f}|{:,}'.format('a', 'b', 'c', 5, 2.25, 1234567) ¦ '{d.a}{d[b]}'.format(d=d) ¦ '%s'|format('q')
u is defined ¦ u is undefined ¦ s is string ¦ s is sequence ¦ s is iterable ¦ d is mapping ¦ d is sequence ¦ l is sequence ¦ n is number ¦ t is number ¦ t is integer ¦ f is float
no is none ¦ t is boolean ¦ t is true ¦ 1 is true ¦ n is odd ¦ n is divisibleby(7) ¦ n is divisibleby 3 ¦ n is in l ¦ n is not in(l) ¦ 'a' is lower ¦ 'A1' is upper ¦ 1 is sameas 1
n is eq 7 ¦ n is gt 6 ¦ u is iterable ¦ range is callable ¦ n is iterable ¦ d.items() is sequence ¦ s is nosuchtest ¦ s|nosuchfilter ¦ nosuch() ¦ n() ¦ s.nosuch()
range(3) ¦ range(1, 7, 2)|list ¦ range(5, 0, -2)|list ¦ range(200000) ¦ range(0) ¦ dict(a=1, b=[2]) ¦ namespace(a=1).a ¦ namespace(_a=1) ¦ [1, 2][::-1] ¦ (1, 2, 3)[1:] ¦ l[none:2]
raise_exception('no: ' ~ n) ¦ 'a' 'b' ¦ {'a': {'b': 1}}['a']['b'] ¦ {'k': 1, 'k': 2} ¦ ('<b>'|safe) + '<' ¦ ('<b>'|safe) ~ '<' ¦ '<'|e ¦ '<b>'|safe|upper ¦ [1, [2, (3,)], none]
'a,b,,c'.split(',') ¦ ' a  b '.split(' ') ¦ 'a b c'.rsplit(' ', 1) ¦ 'a b c'.rsplit(none, 1) ¦ 'a\\nb\\r\\nc'.splitlines() ¦ 'a=b=c'.partition('=') ¦ 'abc'.removeprefix('a')
'-'.join(ls) ¦ '-'.join(l) ¦ 'a'.center(5) ~ '|' ¦ 'a'.ljust(3, '.') ¦ '-7'.zfill(4) ¦ 'ab1'.isalnum() ¦ '12'.isdigit() ¦ ' '.isspace() ¦ 1 + 'a' ¦ 'a' + 1 ¦ none + 1
1 / 0 ¦ 1 // 0 ¦ 1 % 0 ¦ 1 < 'a' ¦ 'a' < none ¦ -'a' ¦ l[1.5] ¦ {[]: 1} ¦ l.x.y ¦ 1.5|string ¦ no|string ¦ t|string ¦ no|lower ¦ 1 if ¦ (1 ¦ 1 1 ¦ [1, ¦ 'a ¦ a b ¦ 1 +
"""
STATEMENTS = [
    "{% if n > 5 %}a{% elif n %}b{% else %}c{% endif %}", "{% if no %}a{% endif %}|{% if u %}b{% else %}c{% endif %}",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}",
    "{% for x in l %}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}",
    "{% for x in [] %}a{% else %}none{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for x in l if x > 1 %}{{ x }}{{ loop.length }}{% endfor %}", "{% for x in u %}a{% endfor %}b",
    "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% else %}e{% endfor %}",
    "{% for x in l %}{% break %}{% else %}e{% endfor %}", "{% for x in l %}{% set n = x %}{{ n }}{% endfor %}{{ n }}",
    "{% for x in l recursive %}{{ x }}{% if loop.depth < 3 %}({{ loop([x * 10]) }}){% endif %}{% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{% endfor %}", "{% for a, b in l %}{% endfor %}",
    "{% for x in n %}{% endfor %}", "{% for x in 'héy' %}{{ x }}.{% endfor %}", "{{ loop }}|{{ x }}",
    "{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set ns.x = 1 %}", "{% set a = {} %}{% set a.x = 1 %}", "{% set a, b = 1, 2 %}{{ b }}{{ a }}",
    "{% set (a, b) = l[:2] %}{{ a }}", "{% set a, b = l %}", "{% set x %} a {{ n }} {% endset %}[{{ x }}]",
    "{% set x | trim | upper %} a {% endset %}[{{ x }}]", "{% if 1 %}{% set z = 3 %}{% endif %}{{ z }}",
    "{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m(b=5) }}{{ m.name }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=2) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, z=3) }}", "{{ m(1) }}{% macro m(a) %}{% endmacro %}",
    "{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(4) }}",
    "{% macro m() %}{{ w }}{% endmacro %}{% set w = 1 %}{{ m() }}", "{% macro m(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) m(1) %}{{ y }}{{ n }}{% endcall %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% macro m() %}a{% endmacro %}{% call m() %}{% endcall %}",
    "{% filter upper | replace('A', 'x') %}abc{{ n }}{% endfilter %}", "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% print n, s %}", "{% raw %}{{ x }}{% if %}{% endraw %}", "{%- raw -%}  {{ x }}  {%- endraw -%}  b", "{# a {{ b }} #}c{#- d -#}  e",
    "a\n{% if 1 %}\nb\n{% endif %}\nc\n", "a\n  {% if 1 %}\n  b\n  {% endif %}\nc", "a\n  {%+ if 1 %}\n  b\n  {%+ endif +%}\nc",
    "a  {%- if 1 -%}  b  {%- endif -%}  c", "a \n {{- n -}} \n b", "a {{ n }}\n\nb", "{{ n }}\n", "{{ n }}\n\n", "a\r\nb\rc\n",
    "  {# c #}\nb", "  {#- c +#}\nb", "x {% if 1 %} y\n{% endif %}z", "\t{% set q = 1 %}\n\t{{ q }}", "{{-1}}|{{ -1 }}|{{- -1}}",
    "{{ {'a': {'b': 1}}.a }}}", "{{ '}}' }}{{ '{%' }}", "{% if n %}{{ '%}' }}{% endif %}", "{{ n", "{% if n", "{% if n %}", "{% endif %}",
    "{% for x in l %}", "{% nosuch %}", "{% include 'a' %}", "{% break %}", "{# a", "{% raw %} a", "{{ n }", "{{ 1 $ 2 }}", "{% else %}",
    "{% for m in m %}{% generation %}{{ m.content }}é\n{% endgeneration %}{{ m.role }}{% endfor %}",
    "{% for m in m if m.role == 'assistant' %}\n{% generation %}\n{% set zz = 1 %}\n{{ m.content }}\n{% endgeneration %}\n{{ zz }}{% endfor %}",
    "{% set if = 1 %}{{ if }}", "{{ none }}{{ None }}{{ True }}{{ true }}{{ False }}", "{% for x in l -%}\n  {{ x }}\n{%- endfor %}", "{{ x.y.z }}",
    "{{ strftime_now is defined }}{{ raise_exception is callable }}", "{{ l.0 ~ ld.0.name }}", "{% set x = 1 if 0 %}[{{ x }}]", "{{ m[0].content.foo }}",
    "{{ [1, 2,] }}{{ (1,) }}{{ {'a': 1,} }}{{ () }}", "{{ range(*[1, 3])|list }}{{ dict(**{'q': 1}) }}", "{{ d['a'] if 'a' in d else 'no' }}", "{{ s|trim('H')|upper ~ '!' if n is defined and n > 1 else '' }}",
]

A = {"city": "Zürich", "days": 2, "ok": True, "none": None, "x": 1.5, "l": [1, "a"]}
TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather", "description": "The \"weather\" — now <b>&amp;</b>",
        "parameters": {"type": "object", "required": ["city"], "properties": {
            "city": {"type": "string", "description": "City ünï"},
            "days": {"type": ["integer", "null"], "default": 3, "enum": [1, 2, 3]},
            "deep": {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "number"}}}, "required": ["a"]}}},
        "return": {"type": "string", "description": "text"}}},
    {"type": "function", "function": {"name": "noop", "description": "Nothing", "parameters": {"type": "object", "properties": {}}}},
]


def call(arguments):
    return {"role": "assistant", "content": "", "tool_calls": [
        {"id": "call12345", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}]}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


CONVERSATIONS = {
    "plain": [user("Hello, it's \"me\" <b>")],
    "system": [{"role": "system", "content": " You are  helpful.\n"}, user(" Hi \n\n there  ")],
    "turns": [user("Q1"), assistant("A1 "), user("Q2"), assistant("A2\n")],
    "thought": [{"role": "system", "content": "S"}, user("Q1"), assistant("<think>\nhm\n</think>\n\nA1"), user("Q2 日本語 🤗")],
    "reasoning": [user("Q1"), assistant("A1", reasoning_content="one"), user("Q2"), assistant("A2", reasoning_content="two", thinking="t")],
    "called": [user("W?"), call(A), {"role": "tool", "name": "get_weather", "tool_call_id": "call12345", "content": "{\"t\": 20}"}, assistant("20.")],
    "called-text": [{"role": "system", "content": "S"}, user("W?"), call(json.dumps(A)),
                    {"role": "tool", "name": "get_weather", "tool_call_id": "call12345", "content": "sunny"}, user("thanks")],
    "parts": [user([{"type": "text", "text": "Look "}, {"type": "text", "text": "here"}]), assistant([{"type": "text", "text": "ok"}])],
    "null": [user("a"), assistant(None)],
    "disorder": [assistant("a"), assistant("b")],
    "wizard": [{"role": "wizard", "content": "a"}],
    "empty": [],
}
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def contexts():
    """Every conversation for an answer, without and with tools, and once as it stands. Dates are fixed."""
    made = {}
    for name, messages in CONVERSATIONS.items():
        fixed = {"date_string": "26 Jul 2024", **SPECIAL}
        made[name] = {"messages": messages, "add_generation_prompt": True, "tools": None, "documents": None, **fixed}
        made[name + "+tools"] = {"messages": messages, "add_generation_prompt": True, "tools": TOOLS, "documents": None, **fixed}
        made[name + "+done"] = {"messages": messages, "add_generation_prompt": False, "enable_thinking": False, **fixed}
    return made


NOW = datetime.datetime.fromtimestamp(1722038400, datetime.timezone.utc)   # 27 July 2024, whenever this runs


def render(template, variables):
    """(text, generation spans in bytes), or None for an error of any kind."""
    try:
        compiled = _compile_jinja_template(template)
        blocks, spans = [], []
        with compiled.environment.activate_tracker(blocks, spans):
            for block in compiled.generate(strftime_now=NOW.strftime, **copy.deepcopy(variables)):
                blocks.append(block)
        text = "".join(blocks)
        return text, [[len(text[:a].encode()), len(text[:b].encode())] for a, b in spans]
    except Exception:
        return None


def fnv1a(data):
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 % 2**32
    return value


def digest(result):
    if result is None:
        return "error"
    text, spans = result
    return f"{fnv1a((text + ''.join(f'{a},{b};' for a, b in spans)).encode()):08x}"


def cases():
    templates = ["{{ " + e.strip() + " }}" for line in EXPRESSIONS.strip().splitlines() for e in line.split(" ¦ ")]
    made = []
    for template in templates + STATEMENTS:
        result = render(template, VARIABLES)
        case = {"template": template}
        case.update({"error": True} if result is None else {"text": result[0]})
        if result and result[1]:
            case["generation"] = result[1]
        made.append(case)
    return {"variables": VARIABLES, "cases": made}


def shared(data):
    made = {"contexts": contexts(), "files": {}}
    folder = data / "conformance"
    for path in sorted(p for p in folder.rglob("*.jinja")):
        template = path.read_text()
        made["files"][path.relative_to(data).as_posix()] = [digest(render(template, c)) for c in made["contexts"].values()]
    return made


def chats(data, smollm2):
    folders = {"tokenizers/qwen2.5": data / "tokenizers/qwen2.5", "tokenizers/llama3.2": data / "tokenizers/llama3.2"}
    if smollm2:
        folders["smollm2"] = smollm2
    made = {}
    for name, folder in folders.items():
        tokenizer = AutoTokenizer.from_pretrained(folder)
        rows = []
        for conversation in ("plain", "system", "turns", "thought", "called"):
            if conversation == "called" and name == "smollm2":
                continue
            for prompt in (True, False):
                tools = TOOLS if conversation == "called" else None
                messages = CONVERSATIONS[conversation]
                ids = tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=prompt, tokenize=True,
                                                    return_dict=False, date_string="26 Jul 2024")
                rows.append({"messages": messages, "tools": tools, "add_generation_prompt": prompt, "ids": ids})
        made[name] = rows
    return made


def make(out, data, smollm2):
    folder = out / "templates"
    folder.mkdir(parents=True, exist_ok=True)

    def write(name, value):
        common.write_json(folder / name, value)
    write("cases.json", cases())
    if data is None:
        print("no data folder: real chat templates are skipped")
        return
    write("shared.json", shared(data))
    write("chats.json", chats(data, smollm2))
