"""Escapes: what a text says where it is JSON, or JSON within JSON."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from attrs import frozen

__all__ = ["Reading", "readings"]

_ESCAPE = re.compile(
    r"\\(?:u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|u(?P<unit>[0-9a-fA-F]{4})|x(?P<byte>[0-9a-fA-F]{2})|(?P<sign>[\"'/\\bfnrt]))"
)
_SIGNS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_DEEPEST = 4
"""A quote at this level has 15 backslashes before it."""


@frozen
class Reading:
    """A text without some levels of escapes, which knows where its parts were.

    Attributes:
        text: The text.
        escapes: For each level, the innermost first: where its escapes stand in what it reads,
            and how many characters all of them up to there save, after 0 for none.
    """

    text: str
    escapes: tuple[tuple[list[int], list[int]], ...] = ()

    def at(self, place: int) -> int:
        """Return where a place of the reading is in the text as it was."""
        for places, saved in self.escapes:
            place += saved[bisect_left(places, place)]
        return place

    def is_quote(self, place: int) -> bool:
        """Return whether a quote of the reading belongs to JSON of this level."""
        if not self.escapes:
            return True
        places, _ = self.escapes[0]
        index = bisect_left(places, place)
        return index < len(places) and places[index] == place


def readings(text: str) -> Iterator[Reading]:
    """Yield a text as it is, and without one level of escapes after another."""
    reading = Reading(text)
    yield reading
    for _ in range(_DEEPEST):
        if "\\" not in reading.text:
            return
        inner = _unescaped(reading)
        if inner is None:
            return
        yield inner
        reading = inner


def _unescaped(reading: Reading) -> Reading | None:
    pieces, places, saved = list[str](), list[int](), [0]
    end = 0
    for found in _ESCAPE.finditer(reading.text):
        pieces += [reading.text[end : found.start()], _said(found)]
        places.append(found.start() - saved[-1])
        saved.append(saved[-1] + len(found[0]) - 1)
        end = found.end()
    if not places:
        return None
    text = "".join([*pieces, reading.text[end:]])
    return Reading(text, ((places, saved), *reading.escapes))


def _said(escape: re.Match[str]) -> str:
    if escape["high"]:
        high, low = int(escape["high"], 16), int(escape["low"], 16)
        return chr(0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF))
    if code := escape["unit"] or escape["byte"]:
        return chr(int(code, 16))
    return _SIGNS.get(escape["sign"], escape["sign"])
