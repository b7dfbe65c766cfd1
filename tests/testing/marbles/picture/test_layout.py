"""The axis: the times of all instants, in the shortest unit."""

import pytest

from rxagent.testing.marbles import parse
from rxagent.testing.marbles.picture.layout import layout
from rxagent.testing.marbles.picture.parts import Stroke, Words
from rxagent.testing.marbles.picture.strands import moment


def axis(text):
    """Return the texts of a diagram's axis, and how many breaks it has."""
    parts = layout(parse(f"{text}\n> a\nout:  -\nx = 1\n")).parts
    numbers = [part.text for part in parts if isinstance(part, Words) and part.role == "time"]
    strokes = [part for part in parts if isinstance(part, Stroke) and part.role == "axis"]
    return numbers, sum("l4 -8m1 8" in stroke.path for stroke in strokes)


@pytest.mark.parametrize(
    ("tick", "numbers"),
    [
        ("1ms", ["ms", "0", "4", "8"]),
        ("500us", ["ms", "0", "2", "4"]),
        ("250us", ["ms", "0", "1", "2"]),
        ("10ms", ["ms", "0", "40", "80"]),
        ("1s", ["s", "0", "4", "8"]),
        ("90s", ["min", "0", "6", "12"]),
        ("15min", ["h", "0", "1", "2"]),
    ],
)
def test_moments_have_their_unit(tick, numbers):
    """The numbers are exact, in the unit that makes them shortest."""
    assert (numbers, 0) == axis(f"tick: {tick}\na:    ----x---|")


def test_a_jump_of_time_is_a_break():
    """The axis is broken where a ruler makes time jump."""
    assert (["s", "0", "2", "60"], 1) == axis("tick: 1s\ntime: 0ms   1min\na:    --x   |")


@pytest.mark.parametrize(
    ("said", "seconds"), [("0 ms", 0.0), ("20 ms", 0.02), ("1500 µs", 0.0015), ("3600 s", 3600.0)]
)
def test_a_moment_is_said_with_its_unit(said, seconds):
    """A time in a sentence has a number and a unit."""
    assert said == moment(seconds)
