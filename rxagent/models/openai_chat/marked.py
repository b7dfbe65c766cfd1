"""Marked thoughts: text of the answer's field that Gemini's server has marked as a thought."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

__all__ = ["MarkedThoughts", "is_marked", "without_mark"]

_OPEN = "<thought>"
_CLOSE = "</thought>"


class _State(Enum):
    OVER = auto()
    BEGUN = auto()
    TAGGED = auto()
    BARE = auto()
    GAP = auto()


class MarkedThoughts:
    """Separates marked thoughts from the answer behind them.

    A tag may stand around them, its end also in the text behind the mark, and in several pieces.
    Where a tag has opened a thought, only the other tag ends it.

    Attributes:
        are_open: Whether a mark was seen, and the end of its thoughts was not.
    """

    def __init__(self) -> None:
        self.are_open = False
        self._state = _State.OVER
        self._held = ""
        self._marked = 0

    def split(self, text: str, is_marked: bool) -> tuple[str, str]:
        """Return what is certain now of the thoughts, and of the text behind them."""
        if self._state is _State.BEGUN:
            self._marked = len(self._held)
        self._held += text
        if is_marked and self._state in (_State.OVER, _State.GAP):
            self._state = _State.BEGUN
        if self._state is _State.BEGUN:
            self._begin(is_marked)
        match self._state:
            case _State.BEGUN:
                parts = "", ""
            case _State.TAGGED:
                parts = self._think()
            case _State.BARE:
                parts = self._think() if is_marked else self._end_bare()
            case _:
                parts = "", self._leave()
        self.are_open = self._state is not _State.OVER
        return parts

    def end(self) -> str:
        """Return what was held back of a thought, at the end of the text."""
        thought, _ = self._take(self._marked if self._state is _State.BARE else len(self._held))
        self._state, self.are_open = _State.OVER, False
        return thought

    def _begin(self, is_marked: bool) -> None:
        seen = self._held.lstrip()
        if seen.startswith(_OPEN):
            self._held = seen[len(_OPEN) :]
            self._state = _State.TAGGED
        elif not (is_marked and _OPEN.startswith(seen)):
            self._state = _State.BARE

    def _think(self) -> tuple[str, str]:
        thought, tag, self._held = self._held.partition(_CLOSE)
        if tag:
            return thought, self._leave()
        sizes = range(min(len(thought), len(_CLOSE) - 1), -1, -1)
        self._marked = next(size for size in sizes if thought.endswith(_CLOSE[:size]))
        at = len(thought) - self._marked
        self._held = thought[at:]
        return thought[:at], ""

    def _end_bare(self) -> tuple[str, str]:
        """Drop the closing tag with which the text behind a mark may begin."""
        seen = self._held.lstrip()
        if seen.startswith(_CLOSE):
            self._held = seen[len(_CLOSE) :]
            return "", self._leave()
        if _CLOSE.startswith(seen):
            return "", ""
        self._state = _State.OVER
        return self._take(self._marked)

    def _leave(self) -> str:
        """Return the text behind a closing tag, without the white space before it."""
        _, text = self._take(0)
        text = text.lstrip()
        self._state = _State.OVER if text else _State.GAP
        return text

    def _take(self, thought: int) -> tuple[str, str]:
        held, self._held, self._marked = self._held, "", 0
        return held[:thought], held[thought:]


def is_marked(fields: Mapping[str, Any]) -> bool:
    """Return whether the text of a delta or a message is marked as a thought."""
    return any(data.get("thought") is True for data in _vendors(fields.get("extra_content")))


def without_mark(extra_content: Any) -> Any:
    """Return the vendors' data beside a text, without the mark; None if nothing is left."""
    if not any("thought" in data for data in _vendors(extra_content)):
        return extra_content
    kept = {
        name: {key: item for key, item in data.items() if key != "thought"}
        if isinstance(data, Mapping)
        else data
        for name, data in extra_content.items()
    }
    return {name: data for name, data in kept.items() if data} or None


def _vendors(extra_content: Any) -> list[Mapping[str, Any]]:
    values = extra_content.values() if isinstance(extra_content, Mapping) else ()
    return [data for data in values if isinstance(data, Mapping)]
