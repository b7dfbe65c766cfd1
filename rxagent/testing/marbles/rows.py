"""Rows: which sign is in which column, and at which time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto

from attrs import frozen

from ...errors import MarbleSyntaxError

__all__ = [
    "COMPLETED",
    "DISPOSED",
    "ENDS",
    "ERROR",
    "FAILED",
    "SUBSCRIBED",
    "Kind",
    "Line",
    "Mark",
    "Timeline",
    "duration",
    "letter_of",
    "quoted",
    "read_duration",
    "read_ruler",
    "read_subscription",
    "read_values",
    "sign_of",
    "unquoted",
]

# pytest shows the line that wrote a row, not how it was read.
__tracebackhide__ = True


@frozen
class Line:
    """A line of a diagram; `number` counts from 1, the columns of its text from 0."""

    text: str
    number: int = 1
    file: str | None = None

    @property
    def place(self) -> str:
        """The file and the line number, which terminals turn into a link."""
        return f"{self.file or 'marbles'}:{self.number}"

    def flaw(self, column: int, what: str) -> MarbleSyntaxError:
        """Return an error at this column."""
        pointer = "".join(sign if sign == "\t" else " " for sign in self.text[:column]) + "^"
        return MarbleSyntaxError(
            f"{self.place}:{column + 1}: {what}\n    {self.text}\n    {pointer}",
            file=self.file,
            line=self.number,
            column=column + 1,
        )


# Time.

_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(us|µs|ms|s|min|h)")


@frozen
class Timeline:
    """The time of each column: one `tick` after the column before it, unless it has a label.

    `labels` are columns and their seconds; time begins at the first.
    """

    tick: float = 0.001
    labels: tuple[tuple[int, float], ...] = ((0, 0.0),)

    def at(self, column: int) -> float | None:
        """Return the seconds of a column; None if they reach the next label's."""
        index = max(n for n, (start, _) in enumerate(self.labels) if start <= column)
        start, seconds = self.labels[index]
        time = round(seconds + (column - start) * self.tick, 6)
        following = self.labels[index + 1 : index + 2]
        return None if any(time >= later for _, later in following) else time

    def column(self, seconds: float) -> int | None:
        """Return the column of a time; None if it has none."""
        start, begun = max(label for label in self.labels if label[1] <= seconds)
        column = start + round((seconds - begun) / self.tick)
        return column if self.at(column) == round(seconds, 6) else None


def read_duration(text: str) -> float | None:
    """Return the seconds of a text such as `10ms` or `1.5s`; None if it is not a duration."""
    found = _DURATION.fullmatch(text)
    return round(float(found[1]) * _SECONDS[found[2]], 6) if found else None


def duration(seconds: float) -> str:
    """Return the shortest exact text of a duration, as rulers have it."""
    micros = round(seconds * 1_000_000)
    if micros % 1_000:
        return f"{micros}us"
    if micros % 1_000_000 or micros < 10_000_000:
        return f"{micros // 1_000}ms"
    return f"{micros // 1_000_000}s"


def read_ruler(line: Line, start: int) -> Sequence[tuple[int, float]]:
    """Return the labels of a ruler, whose times must grow from left to right."""
    labels: list[tuple[int, float]] = []
    for found in re.finditer(r"\S+", line.text[start:]):
        column, label = start + found.start(), found[0]
        seconds = read_duration(label)
        if seconds is None:
            raise line.flaw(column, f"{label!r} is no time; write 500us, 10ms, 2s, 1min or 1h.")
        if labels and seconds <= labels[-1][1]:
            raise line.flaw(column, f"{label} is not later than the label to its left.")
        labels.append((column, seconds))
    return labels


# Marbles.


class Kind(Enum):
    """The kind of a notification."""

    NEXT = auto()
    ERROR = auto()
    COMPLETED = auto()


COMPLETED, FAILED = "|", "#"
ENDS = {COMPLETED: Kind.COMPLETED, FAILED: Kind.ERROR}
"""The signs that end a stream."""

ERROR = "!"
"""The letter whose value is the error of `FAILED`."""

SUBSCRIBED, DISPOSED = "^", "!"
"""The signs of a row of subscriptions."""


def letter_of(sign: str) -> str:
    """Return the letter that has the value of a sign."""
    return ERROR if sign == FAILED else sign


def sign_of(letter: str) -> str:
    """Return how the value of a letter is drawn."""
    return FAILED if letter == ERROR else letter


@frozen
class Mark:
    """A marble: `column` gives its time, `place` is where its sign is.

    The sign is a letter, a text with its quotes, or one of `ENDS`.
    """

    column: int
    kind: Kind
    sign: str
    place: int


_ESCAPES = {"\\": "\\", "'": "'", "n": "\n", "t": "\t"}
_STRAY = {
    "^": "'^' belongs in a row of subscriptions, which is written `name^ ^--!`.",
    "!": "'!' belongs in a row of subscriptions, which is written `name^ ^--!`.",
    "(": "A group cannot contain another group.",
    ")": "No group is open here.",
    "-": "No time passes within a group.",
    "\t": "The width of a tab is unknown; write spaces.",
    '"': "A text is written in single quotes: 'Hi'.",
}


def read_values(line: Line, start: int) -> list[Mark]:
    """Return the marbles of a row whose first column is `start`."""
    marks: list[Mark] = []
    group: int | None = None
    column = start
    while column < len(line.text):
        sign, here = line.text[column], column
        column += 1
        if sign == "(" and group is None:
            group = here
        elif sign == ")" and group is not None:
            if not any(mark.place > group for mark in marks):
                raise line.flaw(here, "This group is empty.")
            group = None
        elif sign != " ":
            if sign == "'":
                column = _end_of_text(line, here)
            elif not (sign.isalnum() or sign in ENDS or (sign == "-" and group is None)):
                raise line.flaw(here, _STRAY.get(sign, f"{sign!r} is no marble."))
            if marks and marks[-1].kind is not Kind.NEXT:
                found = line.text[here:column]
                hint = "; a comment has its own line" if sign == FAILED else f", but {found!r} does"
                raise line.flaw(here, f"Nothing may follow the end of the stream{hint}.")
            if sign != "-":
                at = here if group is None else group
                kind = ENDS.get(sign, Kind.NEXT)
                marks.append(Mark(at, kind, line.text[here:column], here))
    if group is not None:
        raise line.flaw(group, "This group is not closed.")
    return marks


def read_subscription(line: Line, start: int) -> tuple[Mark | None, Mark | None]:
    """Return the marks of a row's subscription and disposal."""
    found: dict[str, Mark] = {}
    group: int | None = None
    for column in range(start, len(line.text)):
        sign = line.text[column]
        if sign == "(" and group is None:
            group = column
        elif sign == ")" and group is not None:
            group = None
        elif sign in (SUBSCRIBED, DISPOSED):
            if sign in found or DISPOSED in found:
                raise line.flaw(column, "A row shows one subscription; write a row for the next.")
            at = column if group is None else group
            found[sign] = Mark(at, Kind.NEXT, sign, column)
        elif sign not in " -":
            raise line.flaw(column, f"{sign!r} is not allowed in a row of subscriptions.")
    if group is not None:
        raise line.flaw(group, "This group is not closed.")
    return found.get(SUBSCRIBED), found.get(DISPOSED)


def _end_of_text(line: Line, start: int) -> int:
    column = start + 1
    while column < len(line.text):
        if line.text[column] == "'":
            return column + 1
        if line.text[column] == "\\":
            if line.text[column + 1 : column + 2] not in _ESCAPES:
                raise line.flaw(column, r"The escapes of a text are \\, \', \n and \t.")
            column += 1
        column += 1
    raise line.flaw(start, "This text is not closed.")


def unquoted(sign: str) -> str:
    """Return the text of a quoted sign."""
    signs = iter(sign[1:-1])
    return "".join(_ESCAPES[next(signs)] if one == "\\" else one for one in signs)


def quoted(text: str) -> str:
    """Return a text as it is written in a row."""
    for escape, meant in _ESCAPES.items():
        text = text.replace(meant, f"\\{escape}")
    return f"'{text}'"
