"""Scripted models: what they take."""

import pytest

from rxagent.testing import ScriptedModel


def test_turns_are_what_is_said_one_after_the_other():
    """Any list of turns will do, a generator too."""
    assert ("one", "two") == ScriptedModel(text for text in ["one", "two"]).turns


@pytest.mark.parametrize("one", ["hello", b"hello", None, {"text": "hello"}])
def test_one_turn_alone_is_refused(one):
    """A text is not taken for a list of its letters."""
    with pytest.raises(TypeError, match=r"turns is a list of turns, not .* Write turns=\[\.\.\.\]"):
        ScriptedModel(one)
