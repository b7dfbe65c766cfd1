"""Moulds: what the frames of one text have in common, so that of most only the text is parsed."""

from __future__ import annotations

import json
import re
from itertools import starmap
from typing import Any

from jiter import from_json

__all__ = ["EVERY", "NO_MOULD", "Mould", "mould_of"]

EVERY = 16
"""Of so many frames that do not fit the mould, one becomes the next mould."""

_TEXT, _LETTERS, _NUMBER = "text", "letters", "number"
"""The kinds of fields that vary: a text with its quotes, what is between quotes, and a number."""

_PATTERNS = {
    _TEXT: rb'"[^"\\]*(?:\\.[^"\\]*)*"',
    _LETTERS: rb'[^"\\]*',
    _NUMBER: rb"(?:0|[1-9]\d*)",
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
        self._start = len(head)
        # All replies of a model have these bytes in common, so `re` has mostly compiled them.
        self._match = re.compile(b"".join(starmap(_pattern, fields))).fullmatch

    def text_in(self, frame: bytes) -> str:
        """Return the text of a frame; empty if it does not fit, or if only a parser can tell."""
        if not frame.startswith(self._head):
            return ""
        fitting = self._match(frame, self._start)
        if fitting is None:
            return ""
        try:
            found = from_json(fitting[1])
        except ValueError:
            return ""
        return found if type(found) is str else ""


def _pattern(kind: str, behind: bytes) -> bytes:
    """Return the pattern of a field, and of the bytes behind it."""
    field = b"(%s)" % _PATTERNS[kind] if kind == _TEXT else _PATTERNS[kind]
    brackets = behind.replace(b" ", b"")
    if brackets.strip(b"]}"):
        return field + re.escape(behind)
    # Spaces between the last brackets are a padding of Anthropic's.
    return field + b"".join(b" *" + re.escape(bytes([sign])) for sign in brackets) + b" *"


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
    quote = b'"' if kind == _LETTERS else b""
    field = rb"\s*:\s*%s(%s)%s" % (quote, _PATTERNS[kind], quote)
    found = re.search(b'"%s"' % name.encode() + field, frame)
    return found.span(1) if found else _NOWHERE
