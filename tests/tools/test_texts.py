import array
import datetime
import enum
import json
from dataclasses import dataclass
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from rxagent.errors import InvalidArguments
from rxagent.tools.texts import error_text, result_text


class Point(BaseModel):
    x: int
    y: int


@dataclass
class Reading:
    at: datetime.date
    value: float


class Colour(enum.Enum):
    RED = "red"


class Word(str):
    def __str__(self):
        return "another word"


class Unsayable:
    def __str__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "(no result)"),
        ("", ""),
        ('{"a": 1}', '{"a": 1}'),
        (Word("yes"), "yes"),
        (5, "5"),
        (1.5, "1.5"),
        (True, "true"),
        ({"ä": [1, None, "b"]}, '{"ä":[1,null,"b"]}'),
        ((1, 2), "[1,2]"),
        ({1: 2}, '{"1":2}'),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (Point(x=1, y=2), '{"x":1,"y":2}'),
        ([Point(x=1, y=2)], '[{"x":1,"y":2}]'),
        (Reading(datetime.date(2024, 1, 2), 3.5), '{"at":"2024-01-02","value":3.5}'),
        ({"when": datetime.date(2024, 1, 2)}, '{"when":"2024-01-02"}'),
        ({"numbers": array.array("i", [1, 2])}, '{"numbers":[1,2]}'),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (PurePosixPath("/a/b"), "/a/b"),
        (Colour.RED, "Colour.RED"),
    ],
    ids=repr,
)
def test_a_result_is_said_as_a_model_reads_it(value, text):
    """A text stays, JSON is JSON, and all else is its `str`."""
    assert text == result_text(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).filter(lambda value: isinstance(value, list | dict))
)
def test_json_is_read_back_as_it_was(value):
    """What JSON can say loses nothing, but halves of surrogate pairs."""
    assert json.loads(result_text(value)) == value


@given(st.text(st.characters(exclude_categories=())))
def test_every_text_can_be_sent(text):
    """Only halves of surrogate pairs, which break the sending, are escaped."""
    sent = result_text(text)

    assert sent == sent.encode("utf-8").decode("utf-8")
    assert any("\ud800" <= sign <= "\udfff" for sign in text) == (sent != text)


def test_a_value_that_holds_itself_is_said_by_python():
    """A circle, which JSON cannot say, is not followed."""
    circle = []
    circle.append(circle)

    assert "[[...]]" == result_text(circle)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("too many"), "ValueError: too many"),
        (KeyError("a"), "KeyError: 'a'"),
        (NotImplementedError(), "NotImplementedError"),
        (InvalidArguments("Argument a is missing."), "InvalidArguments: Argument a is missing."),
        (SystemExit(2), "SystemExit: 2"),
        (
            ExceptionGroup("two", [ValueError("a"), ExceptionGroup("one", [KeyError("b")])]),
            "ExceptionGroup: two (2 sub-exceptions): ValueError: a; "
            "ExceptionGroup: one (1 sub-exception): KeyError: 'b'",
        ),
        (ValueError(Unsayable()), "ValueError"),
        (ValueError("\ud800"), "ValueError: \\ud800"),
    ],
    ids=lambda case: type(case).__name__ if isinstance(case, BaseException) else "",
)
def test_an_error_is_said_in_one_line(error, text):
    """An error is its type and message, those in a group too, and it is always said."""
    assert text == error_text(error)
