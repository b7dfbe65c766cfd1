"""Moulds: what the frames of one text have in common, so that of most only the text is parsed."""

import json
import re
from typing import Any

from jiter import from_json

__all__ = ["EVERY", "NO_MOULD", "Mould", "mould_of"]

EVERY = 16
"""Of so many frames that do not fit the mould, one becomes the next mould."""

_TEXT, _LETTERS, _NUMBER = "text", "letters", "number"
"""The kinds of fields that vary: a text with its quotes, what is between quotes, and a number."""

_PATTERNS = {
    _TEXT: rb'("[^"\\]*(?:\\.[^"\\]*)*")',
    _LETTERS: rb'"([^"\\]*)"',
    _NUMBER: rb"(0|[1-9]\d*)",
}

_NOWHERE = (0, 0)


class Mould:
    """The bytes around the varying fields of a frame: its text, and others that say nothing.

    Args:
        head: The bytes before the first of them.
        fields: Their kinds, each with the bytes up to the next of them, or to the end.
    """

    def __init__(self, head: bytes, fields: list[tuple[str, bytes]]) -> None:
        self._head = head
        self._fields = fields[:-1]
        self._last, self._tail = fields[-1]
        self._may_have_spaces = not self._tail.strip(b"]} ")
        if self._may_have_spaces:
            self._tail = self._tail.replace(b" ", b"")

    def text_in(self, frame: bytes) -> str:
        """Return the text of a frame; empty if it does not fit, or if only a parser can tell."""
        if not frame.startswith(self._head):
            return ""
        if not frame.endswith(self._tail):
            frame = _without_spaces(frame) if self._may_have_spaces else b""
            if not frame.endswith(self._tail):
                return ""
        text = b""
        at = len(self._head)
        for kind, behind in self._fields:
            end = frame.find(behind, at)  # no string has these bytes: they hold a bare quote
            part = frame[at:end]
            at = end + len(behind)
            if end < 0 or not (kind == _TEXT or _is_plain(kind, part)):
                return ""
            text = part if kind == _TEXT else text
        last = frame[at : len(frame) - len(self._tail)]
        if self._last == _TEXT:
            text = last
        elif at > len(frame) - len(self._tail) or not _is_plain(self._last, last):
            return ""
        try:
            found = from_json(text)
        except ValueError:
            return ""
        return found if type(found) is str else ""


NO_MOULD = Mould(b"\r", [(_TEXT, b"\r")])
"""A mould that no frame fits, as CR ends a line."""


def mould_of(
    frame: bytes, value: Any, part: dict[str, Any], name: str, *others: str
) -> Mould | None:
    """Return the mould of a frame, if nothing else in it depends on the fields that vary.

    Args:
        frame: The frame.
        value: The frame's value, which is changed.
        part: The object of the value that has the text.
        name: The text's name.
        others: Fields of the value that say nothing, such as a padding, if it has them.
    """
    if not isinstance(value, dict) or type(part.get(name)) is not str:
        return None
    part[name] += "?"
    fields = [(*_span(frame, name, _TEXT), _TEXT, json.dumps(part[name]))]
    for other in others:
        kind = {int: _NUMBER, str: _LETTERS}.get(type(value.get(other)))
        if kind is not None and (span := _span(frame, other, kind)) != _NOWHERE:
            value[other] = new = value[other] + (1 if kind == _NUMBER else "0")
            fields.append((*span, kind, str(new)))
    fields.sort()
    starts = [start for start, *_ in fields] + [len(frame)]
    head = changed = frame[: starts[0]]
    gaps: list[tuple[str, bytes]] = []
    for (_, end, kind, new), after in zip(fields, starts[1:], strict=True):
        gaps.append((kind, frame[end:after]))
        changed += new.encode() + frame[end:after]
    try:
        return Mould(head, gaps) if from_json(changed) == value else None
    except ValueError:
        return None


def _span(frame: bytes, name: str, kind: str) -> tuple[int, int]:
    """Return where the first field of a name and a kind stands."""
    found = re.search(b'"%s"\\s*:\\s*' % name.encode() + _PATTERNS[kind], frame)
    return found.span(1) if found else _NOWHERE


def _without_spaces(frame: bytes) -> bytes:
    """Return a frame without the spaces behind its last string, a padding of Anthropic's."""
    end = frame.rfind(b'"')
    return frame[:end] + frame[end:].replace(b" ", b"")


def _is_plain(kind: str, value: bytes) -> bool:
    """Return whether a value is a whole number, or needs no escapes within its quotes."""
    if kind == _NUMBER:
        return value.isdigit() and (value[0] != ord("0") or value == b"0")
    return value.isalnum() or not (b'"' in value or b"\\" in value)
