"""The values of parameters in tags, which mark no types."""

import json
from typing import Any, Literal

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st

from rxagent import Agent, tool
from rxagent import operators as ops
from rxagent.events import Finish, TextDelta
from rxagent.messages import Message, ToolSpec
from rxagent.testing import ScriptedModel


def in_tags(tool="add", **parameters):
    """Return a call in tags."""
    written = "".join(
        f"<parameter={name}>\n{value}\n</parameter>\n" for name, value in parameters.items()
    )
    return f"<tool_call>\n<function={tool}>\n{written}</function>\n</tool_call>"


def arguments(written, schema, **root):
    """Return the arguments of a call with one parameter of a schema, as they were passed on."""
    parameters = {"type": "object", "properties": {"a": schema}, **root}
    spec = ToolSpec("add", "Add.", parameters)
    message = Message("assistant", in_tags(a=written))
    (call,) = rx.of(message).pipe(ops.parse_calls([spec])).run()
    return call.arguments


def value(written, schema, **root):
    """Return the value of a parameter of a schema."""
    return json.loads(arguments(written, schema, **root))["a"]


def of(*kinds):
    """Return a schema of these types."""
    return {"anyOf": [{"type": kind} for kind in kinds]}


TEXT = {"type": "string"}
ANYTHING = [
    {},
    {"description": "A value."},
    True,
    of("string", "number", "boolean", "object", "array"),
]
SCALARS = (
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    st.none() | SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
HOLDERS = VALUES.filter(lambda value: isinstance(value, list | dict | None))
INDENTS = st.sampled_from([None, 2])


@given(VALUES, INDENTS, st.sampled_from(ANYTHING))
def test_where_anything_fits_json_is_meant(given_value, indent, schema):
    """A parameter without a type, or of all types, gets each value as it is."""
    assert given_value == value(json.dumps(given_value, indent=indent), schema)


@given(HOLDERS, INDENTS, st.booleans())
def test_a_list_or_an_object_is_meant_where_one_fits(given_value, indent, is_listed):
    """A text beside it in the schema takes nothing from it; where none fits, it is a text."""
    kind = {list: "array", dict: "object", type(None): "null"}[type(given_value)]
    written = json.dumps(given_value, indent=indent)
    union = {"type": ["string", kind]} if is_listed else of("string", kind)
    other = of("string", "array" if kind == "object" else "object")

    assert given_value == value(written, union)
    assert written == value(written, TEXT) == value(written, other)


@given(SCALARS.map(json.dumps), st.sampled_from([TEXT, of("string", "number", "boolean", "array")]))
def test_a_scalar_is_a_text_where_one_fits(written, schema):
    """Nothing tells a number from its digits, so the text is kept, with all that it holds."""
    assert written == value(written, schema)


@given(VALUES, st.sampled_from([of("number", "null"), {"type": "boolean"}, {"type": "array"}]))
def test_where_no_text_fits_json_is_meant(given_value, schema):
    """The tool says what is wrong with the value, so none becomes a text."""
    assert given_value == value(json.dumps(given_value), schema)


@given(st.text('ab1{}[]"tn \n', max_size=8), st.sampled_from([*ANYTHING, TEXT, of("integer")]))
def test_what_is_no_json_is_a_text(written, schema):
    """Each text arrives, whatever the schema is."""
    try:
        json.loads(written, strict=False)
    except ValueError:
        assert written == value(written, schema)


@pytest.mark.parametrize("number", ["1.10", "12345678901234567.89", "1e400", "9" * 300, "-0.0"])
def test_numbers_keep_their_digits(number):
    """JSON is passed on as it was written."""
    for written in (number, f"[{number}]", f'{{"a": {number}}}'):
        assert f'{{"a": {written}}}' == arguments(written, of("number", "array", "object"))


def test_a_line_break_in_a_text_of_json():
    """Models write the text of a field over several lines; it is the same text."""
    assert {"b": "c\n\td"} == value('{"b":\n "c\n\td"}', of("string", "object"))


@pytest.mark.parametrize("constant", ["NaN", "[Infinity]", "-Infinity"])
def test_what_json_has_no_word_for_is_a_text(constant):
    """So a request with the call stays JSON."""
    assert constant == value(constant, {}) == value(constant, {"type": "number"})


_SCHEMAS = {
    "$defs": {"Place": {"type": "object"}, "Kind": {"enum": ["a", 1]}},
    "properties": {
        "count": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "numbers": {"type": ["integer", "number"]},
        "tags": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        "place": {"$ref": "#/$defs/Place"},
        "kind": {"$ref": "#/$defs/Kind"},
        "one": {"const": 1},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "any": {},
        "loop": {"$ref": "#/$defs/Loop"},
    },
}
_SCHEMAS["$defs"]["Loop"] = {"$ref": "#/$defs/Loop"}


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("count", "42", 42),
        ("count", "null", None),
        ("count", "None", None),
        ("numbers", "1.5", 1.5),
        ("tags", '["a"]', ["a"]),
        ("place", '{"x": 1}', {"x": 1}),
        ("kind", "a", "a"),
        ("kind", "1", 1),
        ("one", "1", 1),
        ("note", "7", "7"),
        ("note", "null", None),
        ("any", "7", 7),
        ("any", "seven", "seven"),
        ("loop", "7", 7),
        ("unknown", "7", 7),
    ],
)
def test_a_value_in_tags_is_read_by_its_schema(name, written, value):
    """It is a text where the schema takes that text, else JSON, whatever the schema is made of."""
    spec = ToolSpec("add", "Add.", {"type": "object", **_SCHEMAS})
    message = Message("assistant", in_tags(**{name: written}))
    (call,) = rx.of(message).pipe(ops.parse_calls([spec])).run()

    assert {name: value} == json.loads(call.arguments)


@pytest.mark.parametrize(
    ("written", "paths", "kept", "mode"),
    [
        ('["a.py", "b.py"]', ["a.py", "b.py"], ["a.py", "b.py"], None),
        ("a.py", "a.py", "a.py", None),
        ("42", "42", 42, None),
        ('{"a": [1, 2]}', '{"a": [1, 2]}', {"a": [1, 2]}, None),
        ("null", "null", None, None),
        ("on", "on", "on", "on"),
    ],
)
def test_the_tools_of_an_agent_get_what_was_meant(written, paths, kept, mode):
    """The schemas of tools that are functions say it, too."""
    got = []

    @tool
    def search(paths: str | list[str], kept: Any, mode: Literal["on", "off"] | None = None) -> str:
        """Search."""
        got.append((paths, kept, mode))
        return "found"

    choice = {"mode": written} if mode else {}
    call = in_tags("search", paths=written, kept=written, **choice)

    assert "Done." == Agent(ScriptedModel([call, "Done."]), [search]).run("Go")
    assert [(paths, kept, mode)] == got


WHOLE = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'
BEGUN = [
    "<tool_call>\n<function=add>\n<parameter=a>\n1",
    "<tool_call>\n<function=add>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool",
    "<tool_call>\n<function=a",
    '<tool_call>\n{"name": "ad',
    '<think>I add.</think>\n\n<tool_call>\n{"na',
    'Action:\n<tool_call>{"name',
    "<tool_call>",
    "<tool_c",
    "<think>I add.</think>\n\n<tool",
    "<function=add>\n<parameter=a>\n1",
    "<function=ad",
    f'{WHOLE}\n<tool_call>\n{{"name": "ad',
    f"{WHOLE}\n<tool_call>\n",
    f"{WHOLE}\n<tool_",
    f"{WHOLE}\n<function=add>\n<para",
    f"{WHOLE}\n{WHOLE}\n<tool_call>\n<function=add>",
]
OTHERS = [
    "<tool_call> opens a call, and",
    "The form is <tool_call>\n<function=add>",
    "<function=map> in Haskell",
    "<ul><li>One</li>",
    f"{WHOLE} is the form, and",
    "The sum is",
    "<t",
    "<toolbar>",
]


@tool
def add(a: int) -> int:
    """Add."""
    return a


def ended(text, tools):
    """Return the answer of an agent whose model is cut after a text, and what it read then."""
    asked = []

    def model(request):
        asked.append(request)
        return rx.of(TextDelta(text), Finish("length")) if len(asked) == 1 else rx.of("done")

    return Agent(model, tools).run("x"), asked[-1].messages[-1].text


@pytest.mark.parametrize("text", BEGUN)
def test_a_call_that_the_limit_cut(text):
    """It is no answer; where no tool is offered, it is text."""
    answer, read = ended(text, [add])

    assert answer == "done"
    assert read.startswith("ParseError: ")
    assert text == ended(text, [])[0]


@pytest.mark.parametrize("text", OTHERS)
def test_a_text_that_the_limit_cut(text):
    """What only names the tags of a call is an answer."""
    assert text == ended(text, [add])[0]
