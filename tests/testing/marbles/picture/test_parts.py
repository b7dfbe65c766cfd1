"""Texts: their width, and what is visible of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxagent.testing.marbles.picture.parts import allowed, cells, shortened, visible


@pytest.mark.parametrize(
    ("width", "text"), [(0, ""), (3, "Hel"), (6, "größer"), (4, "你好"), (2, "🚀"), (1, "e\u0301")]
)
def test_wide_signs_take_two_columns(width, text):
    """A text is as wide as the columns it takes."""
    assert width == cells(text)


@given(st.text(), st.integers(1, 20))
def test_a_text_is_cut_to_its_room(text, room):
    """A text that is too wide ends in an ellipsis and fits; others stay."""
    cut = shortened(text, room)

    assert cells(cut) <= room
    assert cut == text or (text.startswith(cut[:-1]) and cut[-1] == "…" and cells(text) > room)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ("Hel", "Hel"),
        ("lo·", "lo "),
        ("··a b", "  a b"),
        ("··", "  "),
        ("a↵b", "a\nb"),
        ("⇥", "\t"),
        ("\ufffd", "\x00"),
        ("\ufffdlive", "\u202elive"),
        ("\ufffd", "\ud800"),
    ],
)
def test_what_cannot_be_seen_is_shown(shown, text):
    """Outer spaces, breaks and tabs are visible; control and reordering characters are replaced."""
    assert shown == visible(text)


@given(st.text())
def test_what_is_allowed_stays(text):
    """Replacing forbidden characters twice changes no more, and keeps the length."""
    assert allowed(text) == allowed(allowed(text))
    assert len(text) == len(allowed(text))
