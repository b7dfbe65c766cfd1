"""Thoughts: what a model thinks aloud in the text of its answer, between think tags."""

from enum import Enum, auto

from ..events import Delta, ReasoningDelta, TextDelta

__all__ = ["Thoughts"]

_OPEN = "<think>"
_CLOSE = "</think>"


class _Place(Enum):
    START = auto()
    THOUGHT = auto()
    GAP = auto()
    ANSWER = auto()


class Thoughts:
    """Tells an answer from the thoughts before it, when its text starts with a think tag.

    A tag may come in pieces, so what could be the beginning of one is held back. White
    space that parts the two is dropped.
    """

    def __init__(self) -> None:
        self._place = _Place.START
        self._held = ""

    @property
    def are_over(self) -> bool:
        """Whether all further text is the answer's."""
        return self._place is _Place.ANSWER

    def add(self, text: str) -> list[Delta]:
        """Return what the text so far tells, beyond what was returned before."""
        told: list[Delta] = []
        self._held += text
        if self._place is _Place.START:
            self._begin()
        if self._place is _Place.THOUGHT:
            told += self._think()
        if self._place is _Place.GAP:
            self._held = self._held.lstrip()
            if self._held:
                self._place = _Place.ANSWER
        if self._place is _Place.ANSWER and self._held:
            told.append(TextDelta(self._held))
            self._held = ""
        return told

    def end(self) -> list[Delta]:
        """Return what was held back, now that no more text will come."""
        kind = ReasoningDelta if self._place is _Place.THOUGHT else TextDelta
        held, self._held = self._held, ""
        return [kind(held)] if held else []

    def _begin(self) -> None:
        seen = self._held.lstrip()
        if seen.startswith(_OPEN):
            self._held = seen[len(_OPEN) :]
            self._place = _Place.THOUGHT
        elif not _OPEN.startswith(seen):
            self._place = _Place.ANSWER

    def _think(self) -> list[Delta]:
        thought, tag, after = self._held.partition(_CLOSE)
        if tag:
            self._held = after
            self._place = _Place.GAP
        else:
            kept = _beginning_of_close(thought)
            thought, self._held = thought[: len(thought) - kept], thought[len(thought) - kept :]
        return [ReasoningDelta(thought)] if thought else []


def _beginning_of_close(text: str) -> int:
    """Return the length of the end of a text that may be the beginning of a closing tag."""
    return next(size for size in range(len(_CLOSE) - 1, -1, -1) if text.endswith(_CLOSE[:size]))
