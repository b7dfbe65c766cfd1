"""Comparing a value with the one that is expected."""

from dataclasses import dataclass, field
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.errors import ModelTimeout, RateLimited
from rxagent.events import FinalAnswer, RunFailed, StepRetried, TextDelta, ToolOutput, Usage
from rxagent.testing.marbles.bindings import matches


@dataclass
class View:
    """A view model."""

    text: str
    drawn: int = field(default=0, compare=False)


SAME = [
    (View("..."), View("Hello", drawn=1)),
    (1, 1),
    (nan, nan),
    (Usage(1, 2), Usage(1, 2)),
    (KeyError("a"), KeyError("a")),
    (RateLimited("slow", retry_after=2.0), RateLimited("slow", retry_after=2.0)),
    (StepRetried(1, "..."), StepRetried(1, "ModelTimeout: late")),
    (StepRetried(1, "...: late"), StepRetried(1, "ModelTimeout: late")),
    (RateLimited("...", retry_after=...), RateLimited("slow", retry_after=2.0)),
    (ToolOutput("c", TextDelta("...")), ToolOutput("c", TextDelta("any\ntext"))),
    (FinalAnswer({"a": ["..."]}), FinalAnswer({"a": ["b"]})),
    (..., object()),
]
OTHER = [
    (View("Hello"), View("Hi")),
    (1, True),
    (1, 1.0),
    ((1,), [1]),
    ((1,), (1, 2)),
    ({"a": 1}, {"b": 1}),
    (Usage(1, 2), Usage(1, 3)),
    (KeyError("a"), KeyError("b")),
    (KeyError("a"), IndexError("a")),
    (ModelTimeout("late"), TimeoutError("late")),
    (RateLimited("slow", retry_after=2.0), RateLimited("slow", retry_after=3.0)),
    (RateLimited("slow"), RateLimited("slow", provider="openai")),
    (StepRetried(1, "... late"), StepRetried(1, "late, late!")),
    (RunFailed("a", "b"), RunFailed("a", "...")),
]


@pytest.mark.parametrize(("expected", "actual"), SAME)
def test_the_same_by_type_and_value_matches(expected, actual):
    """Equal values match; `...` in a text matches any text, alone any value."""
    assert matches(expected, actual)


@pytest.mark.parametrize(("expected", "actual"), OTHER)
def test_another_type_or_value_does_not_match(expected, actual):
    """Values that differ in type, value or an error's attribute do not match."""
    assert not matches(expected, actual)


@given(st.text(), st.text())
def test_dots_are_the_only_pattern(text, other):
    """A text without `...` matches only itself, whatever characters it contains."""
    text = text.replace("...", "").strip(".")

    assert (text == other) is matches(text, other)
    assert matches(f"{text}...{text}", f"{text}{other}{text}")
