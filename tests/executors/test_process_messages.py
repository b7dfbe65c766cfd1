"""The laws of what crosses between the processes."""

import enum
import json
from dataclasses import dataclass
from math import isnan
from typing import ClassVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from rxagent.executors.process_messages import (
    Called,
    Cancelled,
    Exceeded,
    Failed,
    Foreign,
    Printed,
    Ready,
    Resulted,
    read,
)
from rxagent.executors.process_worker import values
from rxagent.executors.process_worker.frames import Lines, frame
from rxagent.executors.process_worker.imports import Imports
from rxagent.executors.process_worker.output import Output
from rxagent.executors.process_worker.values import TooLarge, plain

from ..laws import examples

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
odd = scalars | st.binary() | st.complex_numbers() | st.dates() | st.sets(st.integers())
any_values = st.recursive(
    odd,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.integers() | st.text() | st.tuples(st.booleans()), inner)
    ),
    max_leaves=8,
)


@examples(60)
@given(json_values)
def test_json_values_cross_unchanged_and_without_a_note(value):
    """Their types included, as the other side reads them."""
    made, notes = plain(value)

    assert [] == notes
    assert repr(value) == repr(json.loads(frame({"value": made}))["value"])


@examples(60)
@given(any_values)
def test_every_value_can_cross(value):
    """What is made of it is JSON; a note says if anything is another value than before."""
    made, notes = plain(value)
    back = json.loads(json.dumps(made))

    assert repr(made) == repr(back)
    assert notes or _lists(value) == made or isnan_in(made)


def _lists(value):
    match value:
        case list() | tuple():
            return [_lists(item) for item in value]
        case dict():
            return {key: _lists(item) for key, item in value.items()}
    return value


def isnan_in(value):
    """Return whether a value holds NaN, which equals nothing."""
    match value:
        case float():
            return isnan(value)
        case list():
            return any(map(isnan_in, value))
        case dict():
            return any(map(isnan_in, value.values()))
    return False


class Scalar:
    """A scalar as numpy has them."""

    def __init__(self, value):
        self.value = value

    def tolist(self):
        """Return the value."""
        return self.value


def test_what_has_tolist_becomes_that():
    """Scalars and arrays of numpy, also inside containers, without a note."""
    assert ([3, {"a": [1.5, None]}], []) == plain([Scalar(3), {"a": Scalar([1.5, Scalar(None)])}])


def test_a_tolist_that_gives_its_like_is_shown_by_its_repr():
    """As that of numpy.longdouble."""
    made, notes = plain(Scalar(Scalar(1)))

    assert "Scalar object" in made
    assert ["A value of type Scalar was passed as its repr, since JSON cannot hold it."] == notes


class Colour(enum.Enum):
    """A colour."""

    RED = "red"


@dataclass
class Dish:
    """A dish."""

    name: str
    colours: list[Colour]
    kind: ClassVar[str] = "food"


@attrs.define
class Point:
    """A point."""

    x: int
    dish: Dish | None = None


class Item(BaseModel):
    """An item."""

    sku: str
    colour: Colour | None = None
    dish: Dish | None = None


def test_what_has_fields_becomes_a_dict():
    """Dataclasses, and classes of attrs and pydantic, as in the sandbox; an enum is its value."""
    dish = Dish("tea", [Colour.RED])
    plain_dish = {"name": "tea", "colours": ["red"]}

    assert ([plain_dish], []) == plain([dish])
    assert ({"a": {"x": 1, "dish": plain_dish}}, []) == plain({"a": Point(1, dish)})
    item = Item(sku="a", colour=Colour.RED, dish=dish)
    assert ({"sku": "a", "colour": "red", "dish": plain_dish}, []) == plain(item)
    assert (["red"], []) == plain((Colour.RED,))


def test_a_class_is_shown_by_its_repr():
    """It has no fields of its own; only what is made of it has."""
    for kind in (Dish, Point, Item, Colour):
        made, notes = plain([kind])

        assert [repr(kind)] == made
        assert 1 == len(notes)


class Raising:
    """A scalar whose method raises."""

    def tolist(self):
        """Raise."""
        raise ValueError("ragged")


@given(json_values)
def test_a_tolist_that_raises_costs_only_its_value(value):
    """All that is beside it crosses; the note says what did not."""
    (made, shown), notes = plain([value, Raising()])

    assert repr(value) == repr(made)
    assert "Raising object" in shown
    assert ["A value of type Raising was passed as its repr, since JSON cannot hold it."] == notes


def test_shared_parts_that_explode_are_refused(monkeypatch):
    """A value of forty lists may stand for a billion."""
    monkeypatch.setattr(values, "_ITEMS", 1000)
    value = []
    for _ in range(40):
        value = [value, value]

    with pytest.raises(TooLarge, match="more than 1,000 parts"):
        plain(value)


@given(st.lists(st.binary().map(lambda line: line.replace(b"\n", b""))), st.data())
def test_lines_are_the_same_however_they_arrive(lines, data):
    """Cut anywhere, also within a line and between two."""
    whole = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    cutter, found = Lines(), []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found.extend(cutter.cut(whole[start:end]))

    assert lines == found


@given(st.integers(1, 50), st.integers(0, 200))
def test_a_line_beyond_the_limit_is_refused(piece, rest):
    """As soon as it is too long, whether its end has come or not."""
    cutter = Lines(longest=100)
    taken = 0
    with pytest.raises(TooLarge):
        while taken <= 100 + rest:
            taken += piece
            list(cutter.cut(b"x" * piece))
    assert 100 < taken <= 100 + piece


def test_a_frame_beyond_the_limit_is_not_made():
    """The side that makes it hears why."""
    with pytest.raises(TooLarge, match="A value takes 113 bytes as JSON; 100 can be passed"):
        frame({"value": "x" * 100}, 100)


MESSAGES = [
    (
        {"run": None, "ready": {"kept": ["a"], "open": [], "failed": {"b": "c"}}},
        Ready(("a",), (), {"b": "c"}),
    ),
    ({"run": 1, "out": "text\ud800"}, Printed(1, "text\\ud800")),
    ({"run": 1, "more": 5}, Exceeded(1, 5)),
    (
        {"run": 1, "call": 2, "name": "f", "args": [1], "kwargs": {"a": None}},
        Called(1, 2, "f", (1,), {"a": None}),
    ),
    ({"run": 1, "cancel": 2}, Cancelled(1, 2)),
    ({"run": 1, "result": [1], "is_final": False}, Resulted(1, [1], False)),
    ({"run": 1, "error": "no", "is_fatal": True}, Failed(1, "no", True)),
    ({"run": None, "out": "of a thread between two pieces of code"}, None),
]


@pytest.mark.parametrize(("sent", "message"), MESSAGES)
def test_a_message_is_read_as_it_was_sent(sent, message):
    """What belongs to no code is ignored."""
    assert message == read(frame(sent)[:-1])


@examples(60)
@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_foreign(line):
    """Whatever bytes arrive, reading them raises nothing but Foreign, in a short text."""
    with pytest.raises(Foreign) as caught:
        read(line)
    assert len(str(caught.value)) < 150


@examples(60)
@given(st.sampled_from([sent for sent, _ in MESSAGES[:-1]]), st.data())
def test_a_message_with_a_wrong_field_is_foreign_or_ignored(sent, data):
    """No field is trusted to have its type."""
    field = data.draw(st.sampled_from(sorted(sent)))
    wrong = {**sent, field: data.draw(json_values)}

    try:
        message = read(frame(wrong)[:-1])
    except Foreign:
        return
    assert message is None or type(message) in (
        *(Ready, Printed, Exceeded, Called, Cancelled, Resulted, Failed),
    )


@given(st.lists(st.text()), st.integers(0, 50))
def test_output_is_kept_up_to_the_limit_and_counted_beyond(texts, limit):
    """What is sent is the beginning of what was written, in order; the rest is its number."""
    sent, exceeding = [], []
    output = Output(limit, sent.append, exceeding.append)
    for text in texts:
        assert len(text) == output.write(text)
    output.flush()

    whole = "".join(texts)
    assert whole[:limit] == "".join(sent)
    assert max(0, len(whole) - limit) == sum(exceeding)


@given(st.text())
def test_complete_lines_are_sent_at_once(text):
    """The rest waits for its end, or for flush."""
    sent = []
    output = Output(1000, sent.append, sent.append)

    output.write(text)

    assert (text if "\n" in text else "") == "".join(sent)


@pytest.mark.parametrize(
    ("authorized", "name", "is_allowed"),
    [
        (["json"], "json", True),
        (["json"], "json.decoder", True),
        (["json.decoder"], "json", False),
        (["json.decoder"], "json.decoder", True),
        (["js"], "json", False),
        ([], "json", False),
        (["*"], "json", True),
    ],
)
def test_imports_are_compared_by_their_parts(authorized, name, is_allowed):
    """An authorized module includes its submodules, and not those above it."""
    if is_allowed:
        assert "json" == Imports(authorized)(name).__name__
    else:
        with pytest.raises(ImportError, match=f"{name} is not authorized"):
            Imports(authorized)(name)
