"""The legend of a picture: what each letter is bound to."""

from collections.abc import Iterator, Mapping
from itertools import accumulate, zip_longest
from typing import Any

from attrs import frozen

from .clusters import Ball, ball
from .code import filled
from .outlines import cross
from .parts import Box, Marble, Part, Stroke, Words, room_for, width_of
from .texts import allowed, shortened

__all__ = ["Legend"]

_MOST_LINES = 3
_LINE = 14.0
_SCALE = 0.8
_CROSS = 20.0
_ICON = 34.0
_GAP = 6.0
_BETWEEN = 18.0


class Legend:
    """The legend, in as many columns as there is room for.

    Args:
        bindings: What each letter is bound to.
        written: How the diagram says so.
        width: How much room there is.
    """

    def __init__(
        self, bindings: Mapping[str, Any], written: Mapping[str, str], width: float
    ) -> None:
        room = room_for("legend", width - _ICON)
        entries = [_entry(letter, bindings[letter], written[letter], room) for letter in bindings]
        widest = max((entry.width for entry in entries), default=0.0)
        columns = max(1, int((width + _BETWEEN) / (widest + _BETWEEN)))
        rows = max(1, -(-len(entries) // columns))
        self._columns = [entries[at : at + rows] for at in range(0, len(entries), rows)]
        self._pitch = widest + _BETWEEN
        heights = [
            max(entry.height for entry in row if entry is not None)
            for row in zip_longest(*self._columns)
        ]
        self._edges = list(accumulate((height + _GAP for height in heights), initial=0.0))

    @property
    def height(self) -> float:
        """How high it is."""
        return max(0.0, self._edges[-1] - _GAP)

    def parts(self, left: float, top: float) -> Iterator[Part]:
        """Yield the parts of the legend at its place."""
        for number, column in enumerate(self._columns):
            for entry, above, below in zip(column, self._edges, self._edges[1:], strict=False):
                middle = top + (above + below - _GAP) / 2
                yield from entry.parts(left + number * self._pitch, middle)


@frozen
class _Entry:
    """A letter, or the cross that has no ball, and the lines that say what it is bound to."""

    ball: Ball | None
    title: str
    lines: tuple[str, ...]

    @property
    def width(self) -> float:
        return _ICON + max(width_of(line, "legend") for line in self.lines)

    @property
    def height(self) -> float:
        icon = _CROSS if self.ball is None else self.ball.height * _SCALE
        return max(icon, len(self.lines) * _LINE)

    def parts(self, left: float, y: float) -> Iterator[Part]:
        x = left + _ICON / 2 - 4
        if self.ball is None:
            yield Stroke("cross", cross(x, y), self.title)
        else:
            box = Box.around(x, y, self.ball.width * _SCALE, self.ball.height * _SCALE)
            yield Marble(box, self.ball.face, self.ball.text, self.title)
        first = y - (len(self.lines) - 1) * _LINE / 2
        for number, line in enumerate(self.lines):
            yield Words.at(left + _ICON, first + number * _LINE, "legend", line, self.title)


def _entry(letter: str, value: Any, text: str, room: int) -> _Entry:
    lines = [allowed(line) for line in filled(text, room)]
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1] + " …"]
    return _Entry(
        None if letter == "!" else ball(letter, value, {letter: text}),
        f"{letter} = {text}",
        tuple(shortened(line, room) for line in lines),
    )
