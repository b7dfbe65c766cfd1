"""Letters: each event has one, which the reference shows."""

import re
from pathlib import Path

import pytest

from rxagent import events
from rxagent.events import Delta, Event, FinalAnswer, Stamped, TextDelta, UnknownEvent, Usage
from rxagent.testing.marbles.diagram import Note
from rxagent.testing.marbles.picture.style import face_of
from rxagent.testing.marbles.rows import Kind
from rxagent.testing.marbles.writing import LETTERS, Signs

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "events.md"
KINDS = {
    kind
    for name in events.__all__
    if issubclass(kind := getattr(events, name), Event) and kind not in (Event, Delta)
}
COLOURS = {
    "fault": "red",
    "station": "grey",
    "text": "blue",
    "thought": "violet",
    "tool": "orange",
    "usage": "teal",
    "value": "yellow",
}


def test_each_event_has_a_letter_of_its_own():
    """Each event has a letter, and no two have the same."""
    assert KINDS == LETTERS.keys()
    assert len(KINDS) == len({letter for letter in LETTERS.values() if letter.isalpha()})


def test_each_event_has_a_face():
    """The look of each known event is chosen, and differs from that of any other value."""
    plain = {kind for kind in KINDS if face_of(kind.__new__(kind)) == face_of(object())}

    assert {UnknownEvent} == plain


def test_the_reference_shows_letter_and_look_of_each_event():
    """The table has a row for each event, with its letter, shape and colour."""
    table = re.findall(r"^\| `(\w)` \| `(\w+)` \| (\w+ \w+) \|", PAGE.read_text("utf-8"), re.M)

    looks = {kind: face_of(kind.__new__(kind)) for kind in LETTERS}

    assert {
        (letter, kind.__name__, f"{COLOURS[looks[kind].tone]} {looks[kind].shape.value}")
        for kind, letter in LETTERS.items()
    } == set(table)
    assert len(LETTERS) == len(table)


@pytest.mark.parametrize(
    ("values", "letters"),
    [
        ([Usage(1, 1)], "u"),
        ([Usage(1, 1), Usage(2, 2), Usage(1, 1)], "uvu"),
        ([Usage(1, 1), TextDelta("Hi"), FinalAnswer(5)], "uda"),
        ([Stamped("run", 0, 0.0, Usage(1, 1))], "u"),
        (["a text", 5], "ab"),
    ],
)
def test_what_is_not_bound_is_written_by_its_letter(values, letters):
    """An event gets its own letter, a second one the next letter; other values begin at a."""
    signs = Signs({}, quoting=False)

    assert letters == "".join(signs.of(Note(0.0, Kind.NEXT, value)) for value in values)


def test_a_letter_that_means_something_else_is_not_taken():
    """A letter of the diagram is not bound to another value."""
    signs = Signs({"u": 5, "v": 6}, quoting=False)

    assert "w" == signs.of(Note(0.0, Kind.NEXT, Usage(1, 1)))
