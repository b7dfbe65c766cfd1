"""WrittenCalls: calls in the text of a model, however it arrives."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.events import TextDelta, ToolCallDelta
from rxagent.models.local.written_calls import WrittenCalls

TOOLS = {
    "add": {"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}},
    "now": {},
}

ADD = '{"name": "add", "arguments": {"a": 2, "b": [3, {"c": "}"}]}}'
ADDED = ("add", '{"a": 2, "b": [3, {"c": "}"}]}')
IN_TAGS = "<function=add>\n<parameter=a>\n2\n</parameter>\n</function>"
IN_TAGS_READ = ("add", '{"a": 2}')
TEXT_ALONE = "Write <function=sub> or <function=add>", []


def read(pieces, tools=TOOLS, is_cut=False):
    """Return the text and the calls in pieces of a text."""
    reader = WrittenCalls(tools)
    deltas = [delta for piece in pieces for delta in reader.add(piece)]
    deltas += reader.end(is_cut)
    calls = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
    assert list(range(len(calls))) == [call.index for call in calls]
    assert len(calls) == reader.count
    text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    return text, [(call.name, call.arguments) for call in calls]


READ = {
    "tags": (f"<tool_call>{ADD}</tool_call>", "", [ADDED]),
    "tags in lines": (f"<tool_call>\n{ADD}\n</tool_call>\n", "", [ADDED]),
    "text before": (f"I add.\n<tool_call>{ADD}</tool_call>", "I add.", [ADDED]),
    "text behind": (f"<tool_call>{ADD}</tool_call>\n\nDone.", "Done.", [ADDED]),
    "text around": (f"I add.\n<tool_call>{ADD}</tool_call>\n\nDone.", "I add.\n\nDone.", [ADDED]),
    "text around several": (
        f"So:\n<tool_call>{ADD}</tool_call>\n<tool_call>{ADD}</tool_call>Done. <tool_call>{ADD}",
        "So:\nDone. ",
        [ADDED] * 3,
    ),
    "several": (f"<tool_call>{ADD}</tool_call>\n<tool_call>{ADD}</tool_call>", "", [ADDED] * 2),
    "an array": (f"<tool_call>[{ADD}, {ADD}]</tool_call>", "", [ADDED] * 2),
    "no opening tag": (f"I add.\n{IN_TAGS}\n</tool_call>\nDone.", "I add.\nDone.", [IN_TAGS_READ]),
    "no tags": (f"I add.\n{IN_TAGS}\n", "I add.", [IN_TAGS_READ]),
    "a word like a call": ("Write <function=sub> or <function=add>", *TEXT_ALONE),
    "no closing tag": (f"<tool_call>{ADD}", "", [ADDED]),
    "a tool unknown": ('<tool_call>{"name": "sub"}</tool_call>', "", [("sub", "{}")]),
    "parameters": ('<tool_call>{"name": "now", "parameters": {}}</tool_call>', "", [("now", "{}")]),
    "a text of JSON": (
        '<tool_call>{"name": "now", "arguments": "{\\"a\\": 1}"}</tool_call>',
        "",
        [("now", '{"a": 1}')],
    ),
    "in a function": (
        '<tool_call>{"type": "function", "function": {"name": "now", "arguments": {}}}</tool_call>',
        "",
        [("now", "{}")],
    ),
    "the tag in a text": (
        '<tool_call>{"name": "now", "arguments": {"a": "</tool_call>"}}</tool_call>',
        "",
        [("now", '{"a": "</tool_call>"}')],
    ),
    "broken": ("so\n<tool_call>{broken}</tool_call>", "so\n<tool_call>{broken}</tool_call>", []),
    "in tags": (
        "<tool_call>\n<function=add>\n<parameter=a>\n2\n</parameter>\n"
        "<parameter=b>\n2 {\n</parameter>\n</function>\n</tool_call>",
        "",
        [("add", '{"a": 2, "b": "2 {"}')],
    ),
    "no name": ("<tool_call>{}</tool_call>", "<tool_call>{}</tool_call>", []),
    "bare": (ADD, "", [ADDED]),
    "bare, with blanks": (f"\n {ADD}\n", "", [ADDED]),
    "bare ones": (f"{ADD}; {ADD}\n{ADD}", "", [ADDED] * 3),
    "a bare array": (f"[{ADD}]", "", [ADDED]),
    "bare, then text": (f"{ADD}\nDone.", f"{ADD}\nDone.", []),
    "bare, then text about it": (f"\n{ADD} {ADD}, or not?", f"\n{ADD} {ADD}, or not?", []),
    "bare, then tags": (f"{ADD}\n<tool_call>{ADD}</tool_call>\nDone.", "Done.", [ADDED] * 2),
    "bare, without arguments": ('{"name": "add"}', '{"name": "add"}', []),
    "bare, of a tool that takes none": ('{"name": "now"}', "", [("now", "{}")]),
    "bare, flat": ('\n{"name": "add", "a": 2}', '\n{"name": "add", "a": 2}', []),
    "bare, args": ('{"name": "add", "args": {"a": 2}}', "", [("add", '{"a": 2}')]),
    "in tags, flat": (
        '<tool_call>{"name": "add", "a": 2}</tool_call>',
        '<tool_call>{"name": "add", "a": 2}</tool_call>',
        [],
    ),
    "bare, of no tool": ('{"name": "sub"}', '{"name": "sub"}', []),
    "JSON": ('{"a": {"name": "add"}}', '{"a": {"name": "add"}}', []),
    "bare, unfinished": ('{"name": "add", "arg', '{"name": "add", "arg', []),
    "a link": ("[add](x) {", "[add](x) {", []),
    "another tag": ("a <b>c</b> <tool", "a <b>c</b> <tool", []),
    "blanks": (" \n ", " \n ", []),
}


@pytest.mark.parametrize(("text", "answer", "calls"), READ.values(), ids=READ)
def test_calls_and_text(text, answer, calls):
    """Calls are read with their arguments as they were written; all else is text."""
    assert (answer, calls) == read([text])
    assert (answer, calls) == read(text)


@given(st.data())
def test_cuts_make_no_difference(data):
    """What is read does not depend on how the text is cut into pieces."""
    text = data.draw(st.sampled_from([text for text, _, _ in READ.values()]))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert read([text]) == read(pieces)


@given(st.text(alphabet='<>/tool_ca{}[]":,\\ \nname', max_size=60))
def test_no_text_is_lost(text):
    """A text without a call is passed on whole, in any pieces."""
    whole, calls = read(text)

    assert calls or text == whole


@given(st.dictionaries(st.text(), st.none() | st.text() | st.integers(), max_size=4))
def test_any_arguments(arguments):
    """Arguments are what was written, also with braces, quotes and tags in their texts."""
    written = json.dumps(arguments)

    text = f'{{"name": "add", "arguments": {written}}}'

    assert ("", [("add", written)]) == read(text)
    assert ("", [("add", written)]) == read(f"<tool_call>{text}</tool_call>")


CUT = {
    '<tool_call>{"name": "add", "arguments": {"a": 1': [("add", '{"a": 1')],
    '<tool_call>{"name": "add"': [("add", "")],
    '{"name": "add", "arguments": {"a"': [("add", '{"a"')],
}


@pytest.mark.parametrize("text", CUT)
def test_a_call_that_is_cut(text):
    """A call that the length limit cuts comes in half, so that it is no answer and is not run."""
    assert ("", CUT[text]) == read([text], is_cut=True)


def test_bare_json_without_tools():
    """Without tools bare JSON is an answer, and comes at once."""
    reader = WrittenCalls({})

    assert [TextDelta('{"na')] == reader.add('{"na')


def test_json_that_is_no_call_does_not_wait():
    """As soon as a first key can be none of a call's, the text is passed on."""
    reader = WrittenCalls(TOOLS)

    assert [] == reader.add('{"n')
    assert [TextDelta('{"number":')] == reader.add('umber":')
