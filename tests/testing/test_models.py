"""The arguments of scripted models."""

import pytest

from rxagent.testing import ScriptedModel


def test_turns_are_any_iterable():
    """Any iterable of turns works, a generator too."""
    assert ("one", "two") == ScriptedModel(text for text in ["one", "two"]).turns


@pytest.mark.parametrize("one", ["hello", b"hello", None, {"text": "hello"}])
def test_one_turn_alone_is_refused(one):
    """A single turn is not a list of turns; the error says what to write."""
    with pytest.raises(TypeError, match=r"turns must be a list of .* Write turns=\[\.\.\.\]"):
        ScriptedModel(one)
