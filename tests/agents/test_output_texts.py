"""What a text is as an answer: a text, a number, a date, or nothing of the type."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field

from rxagent import Agent, CodeAgent, tool
from rxagent.agents.output import Output
from rxagent.errors import ParseError
from rxagent.messages import Message, ToolCall
from rxagent.testing import ScriptedModel

from ..ids import shown

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def is_quoted(text):
    """Return whether a text is a string of JSON, or the object around one."""
    try:
        value = json.loads(text)
    except ValueError:
        return False
    is_around = isinstance(value, dict) and value.keys() == {"answer"}
    return isinstance(value, str) or is_around


@given(VALUES.map(json.dumps) | st.text(), st.sampled_from([str, str | None]))
@example('{"a": 1}', str)
@example('{"answer": "a", "b": 1}', str)
@example("[1]", str)
@example("NaN", str)
@example("-Infinity", str)
def test_any_text_is_a_text(text, kind):
    """Where no object was asked for, JSON is a text like others; a number may still be one."""
    text = text.strip()
    if "```" in text or is_quoted(text):
        return
    meant = None if (kind, text) == (str | None, "null") else text

    assert meant == Output.of(kind).read_text(f" {text}\n", "stop")


@given(
    st.text("ab\n\t é", min_size=1),
    st.sampled_from([str, str | None]),
    st.sampled_from([None, 1]),
    st.data(),
)
def test_the_beginning_of_the_wrapper_is_no_text(text, kind, indent, data):
    """The length limit has cut it, and the model tries again."""
    whole = json.dumps({"answer": text}, indent=indent)
    begun = whole[: data.draw(st.integers(1, len(whole) - 1))]
    for written in (begun, f"```json\n{begun}"):
        with pytest.raises(ParseError, match="It was cut off by the length limit"):
            Output.of(kind).read_text(written, "length")


@pytest.mark.parametrize("text", ["The answer is", '{"a": "b', '{"answers": 1', "[1, 2"])
def test_the_beginning_of_another_text_is_one(text):
    """The length limit may cut it, as any text."""
    assert text == Output.of(str).read_text(text, "length")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (int, "12"),
        (float, "1.5"),
        (int | None, " 12\n"),
        (int | Literal["none"], "12"),
        (Literal["a", "ab"], "a"),
        (Literal[1, 12], "1"),
    ],
    ids=shown,
)
def test_what_may_go_on_is_no_answer(kind, text):
    """The length limit may have cut a number, or one of several texts."""
    output = Output.of(kind)

    output.read_text(text, "stop")
    with pytest.raises(ParseError, match="was cut off by the length limit, so its end may be miss"):
        output.read_text(text, "length")


@pytest.mark.parametrize(
    ("kind", "text"),
    [(str | dict, '{"a": "x'), (str | dict, '```json\n{"a": "x'), (str | list[int], "[1, 2")],
    ids=shown,
)
def test_the_beginning_of_json_is_no_text(kind, text):
    """Where the type takes objects or lists as well, what begins as one was cut."""
    with pytest.raises(ParseError, match="It was cut off by the length limit"):
        Output.of(kind).read_text(text, "length")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (bool, "true", True),
        (int | None, "null", None),
        (int, '{"answer": 12}', 12),
        (list[int], "[1]", [1]),
        (int | str, "12", "12"),
        (Any, "1.5", "1.5"),
        (Literal["a", "ab"], '"a"', "a"),
        (Literal["a", "ab"], '```json\n"a"\n```', "a"),
    ],
    ids=shown,
)
def test_what_has_ended_is_an_answer(kind, text, value):
    """The length limit can have cut nothing of it."""
    assert value == Output.of(kind).read_text(text, "length")


@given(st.text())
@example("a\nb\tc")
def test_the_wrapper_that_was_asked_for_is_no_text(text):
    """What stands in it is the answer, as it is."""
    output = Output.of(str)
    bare = json.dumps({"answer": text}).replace("\\n", "\n").replace("\\t", "\t")

    assert text == output.read_text(json.dumps({"answer": text}), "stop")
    if "\\" not in text:
        assert text == output.read_text(bare, "stop")
    assert text == output.read_text(json.dumps(text), "stop")
    with pytest.raises(ParseError, match="The answer has type 'integer' but should be 'string'"):
        output.read_text('{"answer": 5}', "stop")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (str | dict, '{"a": 1}', {"a": 1}),
        (str | dict, "[1]", "[1]"),
        (str | list[int], "[1]", [1]),
        (bytes, "[1]", b"[1]"),
        (Any, "[1]", [1]),
    ],
    ids=shown,
)
def test_json_is_what_it_can_be(kind, text, value):
    """A list is a text only where the type takes no list, and so for objects."""
    assert value == Output.of(kind).read_text(text, "stop")


def test_a_list_that_does_not_fit_is_no_text():
    """The model reads what is wrong, and answers again."""
    with pytest.raises(ParseError, match="should be string or array of integer"):
        Output.of(str | list[int]).read_text('["a"]', "stop")


def answers(kind, written):
    """Return what a type reads as text, in the object around it, and in a call of final_answer."""
    around = f'{{"answer": {written}}}'
    call = Message("assistant", "", [ToolCall("a", "final_answer", around)])
    return [
        Agent(ScriptedModel([reply]), output=kind).run("Go") for reply in (written, around, call)
    ]


@pytest.mark.parametrize("number", ["12345678901234567.89", "1.10", "1E+400", "-0.000", "7"])
def test_a_decimal_has_all_digits(number):
    """However the model answers, also as JSON that was encoded twice."""
    for written in (number, json.dumps(number)):
        found = answers(Decimal, written)
        assert [Decimal(number).as_tuple()] * 3 == [each.as_tuple() for each in found]


def test_code_may_answer_with_a_decimal():
    """It is passed on as a text, and read as what it is."""
    code = "<code>\nfrom decimal import Decimal\nfinal_answer('12345678901234567.89')\n</code>"
    answer = CodeAgent(ScriptedModel([code]), output=Decimal).run("Go")

    assert Decimal("12345678901234567.89") == answer


@pytest.mark.parametrize("kind", [datetime, date, datetime | None])
@pytest.mark.parametrize("written", ["0", "1991", '"0"', '{"answer": "0"}', '{"answer": 0}'])
def test_a_number_is_no_date(kind, written):
    """A year is none of the days since 1970."""
    with pytest.raises(ParseError, match="should be"):
        Output.of(kind).read_text(written, "stop")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_only_finite_numbers_are_answers(constant):
    """The error says so; a type that allows them has them, and a text is a text."""
    for written in (constant, f'{{"answer": {constant}}}'):
        with pytest.raises(ParseError, match=f"answer is {constant} but should be a finite number"):
            Output.of(float).read_text(written, "stop")
        allowed = Annotated[float, Field(allow_inf_nan=True)]
        found = Output.of(allowed).read_text(written, "stop")
        assert repr(float(constant)) == repr(found)
    assert constant == Output.of(str).read_text(constant, "stop")


def test_code_corrects_a_number_that_is_none():
    """A result of NaN is a fault of the code more often than an answer."""
    replies = [f"<code>\nfinal_answer({code})\n</code>" for code in ("float('nan')", "2.5")]

    assert 2.5 == CodeAgent(ScriptedModel(replies), output=float).run("Go")


def test_arguments_keep_their_digits():
    """From the call that a model writes to the function, and back in the next request."""
    got, asked = [], []
    written = '{"amount": 12345678901234567.89}'

    @tool
    def pay(amount: Decimal) -> str:
        """Pay an amount."""
        got.append(amount)
        return "paid"

    def model(request):
        asked.append(request)
        return "Done." if got else Message("assistant", "", [ToolCall("a", "pay", written)])

    assert "Done." == Agent(model, [pay]).run("Go")
    assert [Decimal("12345678901234567.89")] == got
    assert written == asked[1].messages[-2].tool_calls[0].arguments
