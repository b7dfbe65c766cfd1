"""Parts: what a picture consists of, each at its place."""

from typing import TypeAlias

from attrs import frozen

from .faces import Face
from .texts import cells

__all__ = [
    "SIZES",
    "Box",
    "Marble",
    "Part",
    "Picture",
    "Stroke",
    "Words",
    "room_for",
    "width_of",
]

SIZES = {"name": 12, "code": 12, "pill": 12, "legend": 11, "time": 11}
"""How high the font of each role is, in the units of a picture."""

_CELL = 0.6
"""How wide a sign is in a font whose signs are all equally wide, as a part of its height."""


def width_of(text: str, role: str) -> float:
    """Return how wide a text is in the font of its role."""
    return cells(text) * SIZES[role] * _CELL


def room_for(role: str, width: float) -> int:
    """Return how many columns of text there is room for."""
    return int(width / (SIZES[role] * _CELL) + 1e-6)


@frozen
class Box:
    """A rectangle; y grows downwards."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Where its lowest edge is."""
        return self.top + self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return self.left + self.width / 2, self.top + self.height / 2

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> "Box":
        """Return the box of this size with its middle there."""
        return cls(x - width / 2, y - height / 2, width, height)

    def overlaps(self, other: "Box") -> bool:
        """Tell whether the two share more than an edge."""
        return (
            min(self.right, other.right) - max(self.left, other.left) > 1e-6
            and min(self.bottom, other.bottom) - max(self.top, other.top) > 1e-6
        )


@frozen
class Marble:
    """A marble with its letter, or in a pill with its text.

    `title` says all that it stands for, `is_heard` whether anybody was subscribed then.
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
    def until(cls, x: float, y: float, role: str, text: str, title: str = "") -> "Words":
        """Return a text that ends at x, in a line whose middle is y."""
        return cls.at(x - width_of(text, role), y, role, text, title)

    @classmethod
    def at(cls, x: float, y: float, role: str, text: str, title: str = "") -> "Words":
        """Return a text that begins at x, in a line whose middle is y."""
        height = SIZES[role] + 3
        return cls(Box(x, y - height / 2, width_of(text, role), height), role, text, title)


@frozen
class Stroke:
    """A line, or several, as SVG writes a path; its role gives it a style."""

    role: str
    path: str
    title: str = ""


Part: TypeAlias = Marble | Words | Stroke


@frozen
class Picture:
    """All parts of a picture, those behind others first, and its size."""

    width: float
    height: float
    parts: tuple[Part, ...]
