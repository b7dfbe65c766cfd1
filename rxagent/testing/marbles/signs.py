"""How values are written in a diagram."""

from collections.abc import Mapping
from typing import Any

from ...errors import RxAgentError
from ...events import TextDelta
from .diagram import Note
from .letters import letter_of
from .matching import matches
from .rows import Kind, quoted

__all__ = ["Signs", "binding"]

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Signs:
    """The signs of a diagram, and the letters that must be added for what it does not know.

    Args:
        bindings: What its letters are bound to.
        quoting: Whether a text is written in quotes rather than bound to a letter.
    """

    def __init__(self, bindings: Mapping[str, Any], quoting: bool = True) -> None:
        self.added: dict[str, Any] = {}
        self._bindings = dict(bindings)
        self._quoting = quoting

    def of(self, note: Note) -> str:
        """Return how a note is written."""
        if note.kind is Kind.COMPLETED:
            return "|"
        for letter, value in self._bindings.items():
            if matches(value, note.value):
                return "#" if letter == "!" else letter
        if self._quoting and isinstance(note.value, TextDelta):
            return quoted(note.value.text)
        return self._add(note)

    def _add(self, note: Note) -> str:
        first = _LETTERS.index(letter_of(note.value))
        order = _LETTERS[first:] + _LETTERS[:first]
        free = (letter for letter in order if letter not in self._bindings)
        letter = "!" if note.kind is Kind.ERROR and "!" not in self._bindings else next(free, "?")
        self._bindings[letter] = self.added[letter] = note.value
        return "#" if letter == "!" else letter


def binding(letter: str, value: Any) -> str:
    """Return the line that binds a letter to a value."""
    return f"{letter} = {_error(value) if isinstance(value, Exception) else repr(value)}"


def _error(error: Exception) -> str:
    facts = error.facts if isinstance(error, RxAgentError) else ()
    given = {name: getattr(error, name) for name in facts}
    arguments = [
        *map(repr, error.args),
        *(f"{name}={value!r}" for name, value in given.items() if value is not None),
    ]
    return f"{type(error).__name__}({', '.join(arguments)})"
