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


def written():
    """Yield a turn."""
    yield "one"


@pytest.mark.parametrize(
    "turn", [written, lambda request: "one", None, 5, ScriptedModel, written()]
)
def test_a_turn_that_cannot_be_repeated_is_refused(turn):
    """A function is a model, and a generator ends when it was read once; the error says so."""
    with pytest.raises(TypeError, match=r"Turn 2 must be a text, a Message, a list"):
        ScriptedModel(["zero", turn])
