"""The parts of a picture, each in its place, with their texts and outlines."""

from __future__ import annotations

import unicodedata
from typing import TypeAlias

from attrs import frozen

from .style import Face, Shape

__all__ = [
    "Box",
    "Marble",
    "Part",
    "Picture",
    "Stroke",
    "Words",
    "allowed",
    "cells",
    "cross",
    "outline",
    "room_for",
    "rounded",
    "shortened",
    "visible",
    "width_of",
]

# Texts.

_SIZES = {"name": 12, "code": 12, "pill": 12, "legend": 11, "time": 11}
"""The font height of each role, in the units of a picture."""

_CELL = 0.6
"""The width of a character in a monospaced font, relative to its height."""

_SHOWN = {"\n": "↵", "\r": "␍", "\t": "⇥"}
_NO_WIDTH = {"Cf", "Me", "Mn"}
_REORDERING = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


def width_of(text: str, role: str) -> float:
    """Return the width of a text in the font of its role."""
    return cells(text) * _SIZES[role] * _CELL


def room_for(role: str, width: float) -> int:
    """Return how many columns of text fit into a width."""
    return int(width / (_SIZES[role] * _CELL) + 1e-6)


def cells(text: str) -> int:
    """Return how many columns a text takes in a monospaced font."""
    return sum(map(_cells, text))


def _cells(sign: str) -> int:
    if unicodedata.category(sign) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "FW" else 1


def shortened(text: str, room: int) -> str:
    """Return a text that takes at most this many columns; an ellipsis replaces the rest."""
    if cells(text) <= room:
        return text
    end, taken = 0, 1 + _cells(text[0])
    while taken <= room:
        end += 1
        taken += _cells(text[end])
    return text[:end] + "…"


def visible(text: str) -> str:
    """Return a text on one line, with visible line breaks, tabs and outer spaces."""
    inner = text.strip(" ")
    before = len(text) - len(text.lstrip(" ")) if inner else len(text)
    after = len(text) - before - len(inner)
    shown = "".join(_SHOWN.get(sign, sign) for sign in inner)
    return allowed("·" * before + shown + "·" * after)


def allowed(text: str) -> str:
    """Return a text without characters that XML forbids or that reorder others."""
    return "".join(sign if _is_allowed(sign) else "\ufffd" for sign in text)


def _is_allowed(sign: str) -> bool:
    if sign in "\t\n":
        return True
    is_control = unicodedata.category(sign) in {"Cc", "Cs"}
    return not is_control and sign not in _REORDERING and sign not in "\ufffe\uffff"


# Parts.


@frozen
class Box:
    """A rectangle; y grows downwards."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The y of its bottom edge."""
        return self.top + self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return self.left + self.width / 2, self.top + self.height / 2

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> Box:
        """Return the box of this size around a middle."""
        return cls(x - width / 2, y - height / 2, width, height)


@frozen
class Marble:
    """A marble with its letter, or a pill with its text.

    `title` is its whole meaning; `is_heard` says whether it has a subscriber.
    """

    box: Box
    face: Face
    text: str
    title: str
    is_heard: bool = True


@frozen
class Words:
    """A line of text; its role gives it a style."""

    box: Box
    role: str
    text: str
    title: str = ""

    @classmethod
    def at(cls, x: float, y: float, role: str, text: str, title: str = "") -> Words:
        """Return a text that begins at x, in a line whose middle is y."""
        height = _SIZES[role] + 3
        return cls(Box(x, y - height / 2, width_of(text, role), height), role, text, title)


@frozen
class Stroke:
    """One or more lines, as an SVG path; its role gives it a style."""

    role: str
    path: str
    title: str = ""


Part: TypeAlias = Marble | Words | Stroke


@frozen
class Picture:
    """The parts of a picture, from back to front, and its size."""

    width: float
    height: float
    parts: tuple[Part, ...]


# Outlines.


def outline(shape: Shape, box: Box) -> str:
    """Return the path of a shape that fills a box."""
    x, y = box.centre
    match shape:
        case Shape.SQUARE:
            return rounded(box, 4.0)
        case Shape.DIAMOND:
            return _polygon((x, box.top), (box.right, y), (x, box.bottom), (box.left, y))
        case Shape.TRIANGLE:
            return _polygon((x, box.top), (box.right, box.bottom), (box.left, box.bottom))
        case Shape.HEXAGON:
            left, right = box.left + box.width / 4, box.right - box.width / 4
            upper = (box.left, y), (left, box.top), (right, box.top)
            return _polygon(*upper, (box.right, y), (right, box.bottom), (left, box.bottom))
        case _:
            return rounded(box, box.height / 2)


def rounded(box: Box, radius: float) -> str:
    """Return the path of a box with round corners."""
    r = min(radius, box.width / 2, box.height / 2)
    across, down = box.width - 2 * r, box.height - 2 * r
    return (
        f"M{box.left + r:g} {box.top:g}h{across:g}a{r:g} {r:g} 0 0 1 {r:g} {r:g}"
        f"v{down:g}a{r:g} {r:g} 0 0 1 {-r:g} {r:g}"
        f"h{-across:g}a{r:g} {r:g} 0 0 1 {-r:g} {-r:g}"
        f"v{-down:g}a{r:g} {r:g} 0 0 1 {r:g} {-r:g}z"
    )


def cross(x: float, y: float) -> str:
    """Return the path of the cross that stands for an error."""
    return f"M{x - 6:g} {y - 6:g}l12 12m0 -12l-12 12"


def _polygon(*points: tuple[float, float]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) + "z"
