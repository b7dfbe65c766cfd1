import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.events import Usage
from rxagent.messages import ToolCall
from rxagent.subscribers.text import (
    answer_text,
    call_text,
    duration,
    tokens,
    tokens_by_model,
)

anything = st.text(st.characters() | st.characters(categories=["Cs", "Cc", "Cf"]))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('{"query": "GDP of \\"Peru\\""}', 'search("GDP of \\"Peru\\"")'),
        ('{"a": 2, "b": [1, null]}', "search(a=2, b=[1, null])"),
        ("{}", "search()"),
        ("", "search()"),
        ("{half", "search({half)"),
        ("[1]", "search([1])"),
        ('{"q": "a\\nb\\u001b[2J"}', 'search("a\\nb\\u001b[2J")'),
    ],
)
def test_a_call_is_shown_as_one_would_write_it(arguments, said):
    """Arguments stand in brackets, a lone one without its name, unreadable ones as they are."""
    assert said == call_text(ToolCall("call_1", "search", arguments))


@given(anything, anything)
def test_any_call_is_one_line(name, arguments):
    """No call, however malformed, breaks its line."""
    assert 1 == len(call_text(ToolCall("call_1", name, arguments)).splitlines())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("5\n", "5\n"),
        (5, "5"),
        (None, "null"),
        ({"größe": [1.5, True]}, '{"größe": [1.5, true]}'),
        (math.nan, "nan"),
        ({1}, "{1}"),
    ],
)
def test_an_answer_is_text_or_json(value, text):
    """A text answers as it is; other values as JSON, or as Python shows them."""
    assert text == answer_text(value)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (1.84, "1.8 s"), (59.9, "59.9 s"), (72, "1 min 12 s")]
)
def test_durations_are_short(seconds, text):
    """Under a minute tenths count, above they do not."""
    assert text == duration(seconds)


def test_tokens_are_grouped_and_unknown_is_not_zero():
    """Thousands are set apart; no report is said to be unknown."""
    assert "1 204 in / 388 out" == tokens(Usage(1204, 388))
    assert "0 in / 0 out" == tokens(Usage(0, 0))
    assert "usage unknown" == tokens(None)


def test_models_are_listed_if_there_are_several():
    """One model's tokens are the sum already; a name cannot look like another, or be a line."""
    big, small, other = Usage(2000, 1, model="big"), Usage(3, 4, model="a\nb"), Usage(5, 6)

    assert [] == tokens_by_model({}) == tokens_by_model({"big": big})
    assert ["big: 2 000 in / 1 out", "a b: 3 in / 4 out", "other models: 5 in / 6 out"] == (
        tokens_by_model({"big": big, "a\nb": small, "": other})
    )
