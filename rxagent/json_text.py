"""JSON in a text: where a value ends, and what its members are, as they were written."""

from __future__ import annotations

import json
import re
from math import inf

__all__ = ["JsonEnd", "escaped", "items_of", "lacks_end", "members_of"]

_STRUCTURE = re.compile(r'["{}\[\]]')
_IN_STRING = re.compile(r'["\\]')
_BEGUN_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BLANK = re.compile(r"\s*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")
_BEHIND_A_BACKSLASH = re.compile(r"\\[\x00-\x1f]")
_ESCAPE_OR_CONTROL = re.compile(r"\\.|[\x00-\x1f]", re.DOTALL)
_decode = json.JSONDecoder(strict=False).raw_decode

_OPEN = re.compile(r"\s*|tr?u?|fa?l?s?|nu?l?|-|\.|[eE][+-]?|u[\da-fA-F]{0,4}", re.ASCII)
"""What a value that was cut may end with, behind all that can be read: a literal, a number, an
escape."""


def lacks_end(text: str) -> bool:
    """Return whether a text is the beginning of an object or a list, and no more of it came."""
    text = text.strip()
    if not text.startswith(("{", "[")):
        return False
    try:
        _decode(text)
    except json.JSONDecodeError as error:
        return error.msg.startswith("Unterminated string") or (
            _OPEN.fullmatch(text, error.pos) is not None
        )
    except RecursionError:
        pass
    return False


def escaped(text: str, partial: bool = False) -> str:
    """Return JSON in which strings may hold control characters as strict JSON, else unchanged.

    One right behind a backslash stays as well, and the text is no JSON: what was meant is unknown.

    Args:
        text: The text.
        partial: Whether the last string may lack its end.
    """
    string = _BEGUN_STRING if partial else _STRING
    return string.sub(_escaped_string, text) if _CONTROL.search(text) else text


class JsonEnd:
    """Finds the end of an object or an array that arrives in pieces."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._is_escaped = False

    @property
    def is_inside(self) -> bool:
        """Whether the value has begun, and not ended."""
        return self._depth > 0

    def add(self, text: str) -> int | None:
        """Add a piece, and return where in it the value ends, if it does."""
        at = 0
        if self._is_escaped and text:
            at, self._is_escaped = 1, False
        while found := (_IN_STRING if self._in_string else _STRUCTURE).search(text, at):
            at = found.end()
            sign = found[0]
            if sign == "\\":
                self._is_escaped = at == len(text)
                at += 1
            elif sign == '"':
                self._in_string = not self._in_string
            else:
                self._depth += 1 if sign in "{[" else -1
                if self._depth <= 0:
                    return at
        return None


def members_of(text: str, most: float = inf) -> dict[str, str] | None:
    """Return the members of a JSON object, each value as it was written.

    Returns:
        None, if the text is no object, or one that has more members than `most`.
    """
    found: dict[str, str] = {}
    try:
        at = _after(text, 0, "{")
        while not text.startswith("}", at := _blank(text, at)):
            at = _after(text, at, ",") if found else at
            name, at = _decode(text, _blank(text, at))
            start = _blank(text, _after(text, at, ":"))
            _, at = _decode(text, start)
            if not isinstance(name, str) or len(found) >= most:
                return None
            found[name] = text[start:at]
    except (ValueError, RecursionError):
        return None
    return found if not text[at + 1 :].strip() else None


def items_of(text: str, most: float = inf) -> list[str] | None:
    """Return the items of a JSON array, each as it was written.

    Returns:
        None, if the text is no array, or one that has more items than `most`.
    """
    found: list[str] = []
    try:
        at = _after(text, 0, "[")
        while not text.startswith("]", at := _blank(text, at)):
            start = _blank(text, _after(text, at, ",") if found else at)
            _, at = _decode(text, start)
            if len(found) >= most:
                return None
            found.append(text[start:at])
    except (ValueError, RecursionError):
        return None
    return found if not text[at + 1 :].strip() else None


def _escaped_string(found: re.Match[str]) -> str:
    string = found[0]
    if _BEHIND_A_BACKSLASH.search(string):  # or behind two, which are an escape
        return _ESCAPE_OR_CONTROL.sub(_escaped_sign, string)
    return _CONTROL.sub(_escaped_sign, string)


def _escaped_sign(found: re.Match[str]) -> str:
    return found[0] if found[0][0] == "\\" else json.dumps(found[0])[1:-1]


def _blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()


def _after(text: str, at: int, sign: str) -> int:
    at = _blank(text, at)
    if not text.startswith(sign, at):
        raise ValueError
    return at + 1
