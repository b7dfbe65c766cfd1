"""Calls that a text spells out: one is understood, several and broken ones are an error."""

import json
import sys
from contextlib import suppress

import pytest
import reactivex as rx
from hypothesis import example, given
from hypothesis import strategies as st
from reactivex import operators as rxo

from rxagent import operators as ops
from rxagent.errors import ParseError
from rxagent.messages import Message, ToolCall, ToolSpec

TOOLS = ["add", "final_answer"]


def parse(text, **how):
    """Return the calls that a text makes."""
    return rx.of(Message("assistant", text)).pipe(ops.parse_calls(TOOLS, **how)).run()


def spelled(arguments, name="add"):
    """Return the one call of a text."""
    return (ToolCall("call_1_1_0", name, arguments),)


CALL = '{"name": "add", "arguments": {"a": 2}}'

NO_CALL = "What stands between <tool_call> and </tool_call> is no call."


def in_tags(parameters):
    """Return a call in tags, whose parameters stand between the first and the last tag."""
    return f"<tool_call><function=add><parameter={parameters}</parameter></function></tool_call>"


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (CALL, '{"a": 2}'),
        (f"Action: {CALL}", '{"a": 2}'),
        (f"Action:\n{CALL}\n", '{"a": 2}'),
        (f"<think>I add.</think>\n\n{CALL}", '{"a": 2}'),
        (f"\n```json\n{CALL}\n```\n", '{"a": 2}'),
        (f"```\n{CALL}```", '{"a": 2}'),
        (f"Action:\n```json\n{CALL}", '{"a": 2}'),
        (f"<tool_call>\n{CALL}\n</tool_call>", '{"a": 2}'),
        (f"[{CALL}]", '{"a": 2}'),
        ('{"arguments": {"a": 2}, "name": "add", "id": 7, "type": "function"}', '{"a": 2}'),
        ('{"name": "add", "parameters": {"a": 2}}', '{"a": 2}'),
        ('{"name": "add", "args": {"a": 2}}', '{"a": 2}'),
        ('{"type": "tool_use", "name": "add", "input": {"a": 2}}', '{"a": 2}'),
        ('{"function": "add", "arguments": {"a": 2}}', '{"a": 2}'),
        (f'{{"type": "function", "function": {CALL}}}', '{"a": 2}'),
        (
            "<tool_call><function=add><parameter=a>b</parameter></function></tool_call>",
            '{"a": "b"}',
        ),
        ('{"name": "add", "arguments": {"a": "}\\""}}', '{"a": "}\\""}'),
        ('{"name": "add", "arguments": {"a": "b\nc"}}', '{"a": "b\\nc"}'),
        ('{"name": "add", "arguments": {"ä": "ö"}}', '{"ä": "ö"}'),
        ('{"name": "add", "arguments": {}}', "{}"),
        ('{"name": "add", "arguments": null}', "null"),
        ('{"name": "add", "arguments": 3}', "3"),
        ('{"name": "add", "arguments": "{\\"a\\": 2}"}', '{"a": 2}'),
        ('{"name": "add", "arguments": [1, 2]}', "[1, 2]"),
    ],
)
def test_one_call_is_understood(text, arguments):
    """A text that is one call, in its usual forms and marks, is one; its arguments are its own."""
    assert spelled(arguments) == parse(text)


@given(st.text("a\n</", max_size=8) | st.sampled_from(["x</parameter>y", "</function>", "a\n"]))
@example('<a key="b">\n  <parameter key="c">d</parameter>\n</a>')
@example("a </function> b")
@example("a <parameter> b")
def test_a_text_in_tags_is_whole(text):
    """A parameter ends at the last closing tag, so a text may hold one, as XML does."""
    (call,) = parse(in_tags(f"a>\n{text}\n</parameter>\n<parameter=b>\nc\n"))

    assert {"a": text, "b": "c"} == json.loads(call.arguments)


def test_a_tool_without_parameters_needs_no_arguments():
    """A call without arguments is one only if it is known that the tool takes none."""
    now = ToolSpec("now", "Return the time.", {"type": "object", "properties": {}})
    taking = ToolSpec("add", "Add.", {"type": "object", "properties": {"a": {"type": "integer"}}})
    named = rx.of(Message("assistant", '{"name": "now"}'), Message("assistant", '{"name": "add"}'))

    assert [("now", "{}")] == [
        (call.name, call.arguments)
        for calls in named.pipe(ops.parse_calls([now, taking]), rxo.to_list()).run()
        for call in calls
    ]


def test_the_answer_may_be_a_call():
    """The tool `final_answer` is understood in a text, too; a number stays a number."""
    text = 'Action: {"name": "final_answer", "arguments": {"answer": %s}}'

    assert spelled('{"answer": "hi"}', "final_answer") == parse(text % '"hi"')
    assert spelled('{"answer": 5}', "final_answer") == parse(text % "5")


def test_other_keys_may_name_tool_and_arguments():
    """The two keys of a call can be said; then the usual ones mean nothing."""
    keys = {"name_key": "tool", "arguments_key": "input"}

    assert spelled('{"a": 2}') == parse('{"tool": "add", "input": {"a": 2}}', **keys)
    assert () == parse('{"name": "add", "arguments": {"a": 2}}', **keys)


def test_a_made_id_bears_the_step():
    """The id of a call in a text names its step."""
    assert "call_4_1_0" == parse(CALL, step=4)[0].id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The sum is 5.",
        "I could add, or give the final_answer.",
        "{} {{}} {x: 1}",
        '{"name": "unknown", "arguments": {}}',
        '{"name": "add"}',
        '{"name": "add", "price": 3}',
        '{"name": "add", "a": 2}',
        '[{"name": "add", "price": 3}, {"name": "Soup", "price": 4}]',
        f"I would call {CALL}. Shall I?",
        f"{CALL} is what I would call. Shall I?",
        f"I did not call {CALL}",
        f"For example:\n```json\n{CALL}\n```\nDo not use it.",
        f"```json\n{CALL}\n```\nDo not use it.",
        f"<tool_call>{CALL}</tool_call> is the form.",
        f"The form is <tool_call>{CALL}</tool_call>",
        f"<tool_call>{CALL}</tool_call> is the form, not <tool_call>{CALL}}}</tool_call>",
        "<tool_call> opens a call, and </tool_call>",
        f"<tool_call>{CALL} opens a call with <tool_call>.",
        f"{CALL} {{}}",
        f'{{"calls": [{CALL}]}}',
        f"{{x}} {CALL}",
        '{"name": ["add"]}',
        '{"name": {"add": 1}}',
        '{"name": null, "arguments": "add"}',
        '{"tool": "add"}',
        '{"tools": [{"name": "add"}, {"name": "final_answer"}]}',
        '"name": "add" without a brace',
        '"name": "add" before one {',
        "def add(a, b): return {a: b}",
    ],
)
def test_other_texts_call_nothing(text):
    """A text that names no tool in an object of its own is an answer."""
    assert () == parse(text)


def test_native_calls_come_first():
    """When a message has native calls, its text is not looked at."""
    calls = ToolCall("x", "add", "{"), ToolCall("y", "unknown")
    message = Message("assistant", f"{CALL} {CALL}", calls)

    assert calls == rx.of(message).pipe(ops.parse_calls(TOOLS)).run()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f"{CALL} {CALL}", "The text holds 2 calls, but only one can be made"),
        (f"Action: {CALL}\nAction: {CALL}\n", "The text holds 2 calls"),
        (f"```json\n{CALL}\n{CALL}\n```", "The text holds 2 calls"),
        (f"[{CALL}, {CALL}]", "The text holds 2 calls"),
        (
            CALL.replace("}}", '}, "why": 1}'),
            "The call of 'add' has keys that calls do not have: 'w",
        ),
        (CALL.replace("}}", '}, "input": {}}'), "The call of 'add' has keys that calls do not"),
        (f"<tool_call>{CALL.replace('arguments', 'a')}</tool_call>", "The call of 'add' has keys"),
        ('{"name": "add", "arguments": {"a": 2}', "The call of 'add' is not valid JSON."),
        ('{"name": "add", "arguments": {a: 2}}', "The call of 'add' is not valid JSON."),
        ('{\'x\': 1, "name" : "add"}', "The call of 'add' is not valid JSON."),
        ('{"name": "final_answer", "arguments": {"answer": "', "The call of 'final_answer'"),
        (f'{CALL}; {{"name": "final_answer", ', "The call of 'final_answer'"),
        ('```json\n{"name": "add", ', "The call of 'add' is not valid JSON."),
        (f"<tool_call>{CALL}}}</tool_call>", NO_CALL),
        (f"<tool_call>{CALL}<tool_call>", NO_CALL),
        (f"<tool_call><tool_call>{CALL}</tool_call>", NO_CALL),
        (f"<tool_call>{CALL} Wait.</tool_call>", NO_CALL),
        ("<tool_call>{'name': 'add', 'arguments': {}}</tool_call>", NO_CALL),
        ('<tool_call>{"arguments": {}}</tool_call>', NO_CALL),
        (f"<tool_call>{CALL}</tool_call>\n<tool_call>{CALL}}}</tool_call>", NO_CALL),
        (in_tags("a>1</parameter> x <parameter=b>2"), "The call of 'add' cannot be read where it"),
        (in_tags("a>1</parameter><parameter=a>2"), "The call of 'add' cannot be read where it"),
        (in_tags("a>1 <parameter=b>2"), "The call of 'add' cannot be read where it"),
    ],
)
def test_what_cannot_be_understood_is_an_error(text, error):
    """Several calls, or one that is no JSON, are an error that shows the right form."""
    with pytest.raises(ParseError) as raised:
        parse(text)

    assert str(raised.value).startswith(error)
    assert str(raised.value).endswith(
        'Give one JSON object of the form {"name": "<tool>", "arguments": '
        '{"<argument>": "<value>"}}.'
    )


def test_the_right_form_has_the_right_keys():
    """The error shows the keys that are in use."""
    with pytest.raises(ParseError, match=r'form \{"tool": "<tool>", "input": '):
        parse('{"tool": "add"', name_key="tool", arguments_key="input")


def test_without_tools_nothing_is_called():
    """Where no tool may be called, no text calls one."""
    message = Message("assistant", CALL)

    assert () == rx.of(message).pipe(ops.parse_calls()).run()


signs = st.sampled_from(
    ['{"name": "add"', '"name"', '"arguments"', '"add"', ": ", "{", "}", "[", "]", ",", '"', "\\"]
) | st.sampled_from(["1e999", "NaN", "null", "'", "x", "\n", "\ud800", "9" * 5000])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.lists(signs | st.text(max_size=3), max_size=20).map("".join))
@example('{"name": "add", "arguments": ' + "9" * 5000 + "}")
def test_any_text_is_read(text):
    """A text is a call, no call, or a ParseError; nothing else is ever raised."""
    try:
        calls = parse(text)
    except ParseError:
        return
    assert all(call.name in TOOLS for call in calls)
    assert len(calls) <= 1


MARKS = [("", ""), ("Action: ", "\n"), ("```json\n", "\n```"), ("<tool_call>", "</tool_call>")]
words = st.text(alphabet="abc .\n\"'", min_size=1, max_size=10).filter(str.strip)


@given(json_values, st.sampled_from(MARKS), st.sampled_from([None, 1]), words, st.integers(0, 2))
def test_a_call_is_all_of_a_text(value, marks, indent, words, where):
    """Whatever its arguments and its marks, a call is found; among other words it is none."""
    call = json.dumps({"name": "add", "arguments": value}, indent=indent).join(marks)

    (found,) = parse(call)
    assert value == json.loads(found.arguments) or json.loads(value) == json.loads(found.arguments)

    assert () == parse([f"{words}{call}", f"{call}{words}", f"{words}{call}{words}"][where])


@given(st.dictionaries(st.sampled_from(["name", "input", "why", "type", "a"]), json_values))
def test_no_call_is_made_up(members):
    """Arguments come from the text; without a key that holds them there is no call."""
    text = json.dumps({**members, "name": "add"})
    try:
        calls = parse(text)
    except ParseError:
        assert members.keys() & {"why", "a"}
        return

    assert len(calls) == ("input" in members)
    for call in calls:
        value = members["input"]
        assert call.arguments in (json.dumps(value), value)


NASTY = {
    "braces": "{" * 100_000,
    "pairs": "{}" * 100_000,
    "deep": '{"a":' * 100_000,
    "deep lists": '{"name": ' + "[" * 100_000,
    "deep, again and again": ('{"a":' * 900 + "x") * 110,
    "without colons": '{"a" ' * 100_000,
    "open calls": '{"name": "add", ' * 100_000,
    "open strings": '{"name":"' * 100_000,
    "lines": ("{\n" + '"a":\n') * 100_000,
    "spaces": ("{" + " " * 1000) * 1000,
    "quotes": '"' * 100_000,
}


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
@pytest.mark.timeout(5)
def test_no_text_takes_long(nasty):
    """A hundred thousand braces, in whatever order, are read within the watchdog's patience."""
    for text in (nasty, nasty + CALL, '{"name": "add" ' + nasty, f"[{CALL}" + nasty):
        with suppress(ParseError):
            assert () == parse(text)


@pytest.mark.parametrize("depth", [10, 100, 200])
def test_deep_arguments_are_read(depth):
    """Arguments may be nested deep."""
    arguments = '{"a": ' * depth + "1" + "}" * depth

    assert spelled(arguments) == parse(f'{{"name": "add", "arguments": {arguments}}}')


@pytest.mark.parametrize("depth", [3000, 100_000])
def test_deeper_arguments_are_refused(depth):
    """What is nested deeper than Python can follow is an error, and no crash."""
    arguments = '{"a":' * depth + "1" + "}" * depth

    with pytest.raises(ParseError, match="The text holds braces that cannot be read"):
        parse(f'{{"name": "add", "arguments": {arguments}}}')


def test_an_error_ends_the_stream():
    """The error travels by `on_error`, after the calls of messages before it."""
    received = []
    good, bad = Message("assistant", CALL), Message("assistant", '{"name": "add"')
    rx.of(good, bad, good).pipe(ops.parse_calls(TOOLS), rxo.materialize()).subscribe(
        received.append
    )

    assert [spelled('{"a": 2}'), ParseError] == [received[0].value, type(received[1].exception)]


HEAVY = {
    "braces": "{" * 2_000_000,
    "empty": "{}" * 1_000_000,
    "nested": ('{"a":[' + "0," * 480) * 2_000,
    "in a row": ('{"a":[' + "0," * 480 + "],") * 2_000,
    "objects": '{"a":1},' * 250_000,
    "lists": "[" * 2_000_000,
    "text": '{"a":"' + "x" * 2_000_000,
    "members": "{}," + '"a":1,' * 400_000 + '"b":1}',
    "items": "{}}," + "1," * 190_000 + "1]",
}


@pytest.mark.parametrize("heavy", HEAVY.values(), ids=HEAVY)
def test_megabytes_are_read_in_one_pass(heavy):
    """However long a text is, and whatever it holds, only some of it is tried to be parsed."""
    tried = 0

    def count(frame, event, called):
        nonlocal tried
        tried += event == "call" and frame.f_code.co_name == "raw_decode"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        with suppress(ParseError):
            parse('{"name": "add", "arguments": ' + heavy)
            parse('[{"name": "add", "arguments": ' + heavy)
    finally:
        sys.setprofile(before)

    assert tried <= 10_000
