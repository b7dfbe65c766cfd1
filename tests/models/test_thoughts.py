"""Thoughts between think tags at the start of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.events import ReasoningDelta, TextDelta
from rxagent.models.thoughts import Thoughts


def told(*pieces):
    """Return the thought and the answer that pieces of text hold, and check that none is empty."""
    thoughts = Thoughts()
    deltas = [delta for piece in pieces for delta in thoughts.add(piece)] + thoughts.end()
    assert all(delta.text for delta in deltas)
    return tuple(
        "".join(delta.text for delta in deltas if isinstance(delta, kind))
        for kind in (ReasoningDelta, TextDelta)
    )


def in_pieces(text, places):
    """Return a text cut at some places."""
    ends = sorted(place % (len(text) + 1) for place in places)
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


CASES = {
    "<think>so</think>it is": ("so", "it is"),
    " \n<think>\nso\n</think>\n\nit is": ("\nso\n", "it is"),
    "<think></think>it is": ("", "it is"),
    "<think>so</think>": ("so", ""),
    "<think>a < b </thin > c</think>it is": ("a < b </thin > c", "it is"),
    "<think>so, still": ("so, still", ""),
    "<think>so</thi": ("so</thi", ""),
    "<think>so</think>it <think>is</think>": ("so", "it <think>is</think>"),
    "it <think>is</think>": ("", "it <think>is</think>"),
    "<thin": ("", "<thin"),
    "<thinking>it is": ("", "<thinking>it is"),
    "  it is": ("", "  it is"),
    "\n": ("", "\n"),
    "": ("", ""),
}


@pytest.mark.parametrize("text", CASES)
@given(places=st.lists(st.integers(0)))
def test_tags(text, places):
    """However a text is cut, it tells the same thought and the same answer."""
    assert CASES[text] == told(*in_pieces(text, places))


@given(st.lists(st.text(alphabet="<think/> x\n")))
def test_nothing_is_lost(pieces):
    """A text that does not start with a tag is the answer, to the last letter."""
    text = "".join(pieces)
    if not text.lstrip().startswith("<think>") and "</think>" not in text:
        assert ("", text) == told(*pieces)


def test_at_once():
    """Text is told as it comes, once it cannot begin a tag."""
    thoughts = Thoughts()

    assert [TextDelta("Hi")] == thoughts.add("Hi")
    assert thoughts.may_pass
    assert [TextDelta("<think>")] == thoughts.add("<think>")
