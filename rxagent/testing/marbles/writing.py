"""Writing notes as rows of marbles, and values as bindings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from typing import Any, TypeAlias
from unicodedata import normalize

from attrs import frozen

from ... import events
from ...errors import RxAgentError
from .bindings import matches
from .diagram import Note, Subscription, Watch
from .rows import COMPLETED, DISPOSED, ERROR, SUBSCRIBED, Kind, Timeline, duration, quoted, sign_of

__all__ = [
    "LETTERS",
    "Signs",
    "TimedSigns",
    "WrittenRow",
    "binding",
    "lay_out",
    "signs_of",
    "watch_signs",
    "write",
    "write_on",
]

LETTERS: dict[type, str] = {
    events.RunStarted: "r",
    events.RunCompleted: "R",
    events.RunFailed: "X",
    events.MessageReceived: "g",
    events.StepStarted: "s",
    events.StepFailed: "S",
    events.StepRetried: "e",
    events.StepLimitReached: "l",
    events.PlanStarted: "p",
    events.Planned: "P",
    events.Summarised: "y",
    events.TextDelta: "d",
    events.ReasoningDelta: "h",
    events.RefusalDelta: "n",
    events.ToolCallDelta: "c",
    events.Usage: "u",
    events.Finish: "f",
    events.MessageCompleted: "m",
    events.ApprovalAsked: "q",
    events.ApprovalAnswered: "Q",
    events.ToolStarted: "t",
    events.ToolOutput: "o",
    events.ToolCompleted: "T",
    events.ToolFailed: "x",
    events.FinalAnswer: "a",
    events.UnknownEvent: "z",
}
"""The letter of each event: a capital ends what the small letter began."""

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Signs:
    """The signs of a diagram, and letters added for values that it does not bind.

    Args:
        bindings: The values of its letters.
        quoting: Whether a text is written in quotes rather than bound to a letter.
    """

    def __init__(self, bindings: Mapping[str, Any], quoting: bool = True) -> None:
        self.added: dict[str, Any] = {}
        self._bindings = dict(bindings)
        self._quoting = quoting

    def of(self, note: Note) -> str:
        """Return the sign of a note."""
        if note.kind is Kind.COMPLETED:
            return COMPLETED
        for letter, value in self._bindings.items():
            if matches(value, note.value):
                return sign_of(letter)
        is_text = isinstance(note.value, events.TextDelta)
        if self._quoting and is_text and _is_readable(note.value.text):
            return quoted(note.value.text)
        return self._add(note)

    def _add(self, note: Note) -> str:
        value = note.value.event if isinstance(note.value, events.Stamped) else note.value
        first = _LETTERS.index(LETTERS.get(type(value), "a"))
        order = _LETTERS[first:] + _LETTERS[:first]
        free = (letter for letter in chain(order, _more()) if letter not in self._bindings)
        is_free = note.kind is Kind.ERROR and ERROR not in self._bindings
        letter = ERROR if is_free else next(free, "?")
        self._bindings[letter] = self.added[letter] = note.value
        return sign_of(letter)


def _is_readable(text: str) -> bool:
    """Return whether a text in quotes is read as it is, on every system."""
    return all(sign.isprintable() or sign in "\n\t" for sign in text)


def _more() -> Iterator[str]:
    """Yield further letters, for diagrams of more values than the alphabet has letters."""
    for sign in map(chr, range(0xC0, 0x3000)):
        if sign.isalpha() and sign.isprintable() and sign == normalize("NFKC", sign):
            yield sign


def binding(letter: str, value: Any) -> str:
    """Return the line that binds a letter to a value."""
    return f"{letter} = {_error(value) if isinstance(value, Exception) else repr(value)}"


def _error(error: Exception) -> str:
    names = error.fields if isinstance(error, RxAgentError) else ()
    fields = {name: getattr(error, name) for name in names}
    arguments = [
        *map(repr, error.args),
        *(f"{name}={value!r}" for name, value in fields.items() if value is not None),
    ]
    return f"{type(error).__name__}({', '.join(arguments)})"


# Rows.

TimedSigns: TypeAlias = Sequence[tuple[float, str]]
"""The marbles of a row, each with its seconds."""

_FAR = 40


@frozen
class WrittenRow:
    """A row to write: its name with its sign, its marbles, and the time of its first column."""

    head: str
    signs: TimedSigns
    begun: float = 0.0


def signs_of(notes: Iterable[Note], sign: Callable[[Note], str], begun: float = 0.0) -> TimedSigns:
    """Return the marbles of some notes; those of one instant form a group."""
    return _grouped((round(begun + note.at, 6), sign(note)) for note in notes)


def watch_signs(subscription: Subscription | Watch) -> TimedSigns:
    """Return the marbles of a row of subscriptions."""
    times = {SUBSCRIBED: subscription.subscribed, DISPOSED: subscription.disposed}
    return _grouped((at, sign) for sign, at in times.items() if at is not None)


def _grouped(signs: Iterable[tuple[float, str]]) -> TimedSigns:
    grouped = []
    for at, together in groupby(signs, key=lambda sign: sign[0]):
        first, *others = (sign for _, sign in together)
        grouped.append((at, f"({''.join([first, *others])})" if others else first))
    return grouped


def write(rows: Mapping[str, TimedSigns], tick: float) -> str:
    """Return rows below one another, with a ruler if ticks do not give the time."""
    ruler, lines = lay_out([WrittenRow(f"{name}:", signs) for name, signs in rows.items()], tick)
    return "\n".join([ruler, *lines] if ruler else lines)


def lay_out(rows: Sequence[WrittenRow], tick: float, margin: int = 0) -> tuple[str, list[str]]:
    """Return the ruler, empty if ticks give the time, and the rows.

    Their first column is `margin`, or the first one behind all names.
    """
    widths: dict[float, int] = {0.0: 1}
    for row in rows:
        widths.setdefault(row.begun, 1)
        for at, marble in row.signs:
            widths[at] = max(widths.get(at, 1), len(marble))
    columns, ruler = _columns(widths, tick)
    heads = [*(["time:"] if ruler else []), *(row.head for row in rows)]
    margin = max(margin, max(map(len, heads)) + 1)
    written = [
        row.head.ljust(margin)
        + _row([(columns[at], sign) for at, sign in row.signs], columns[row.begun])
        for row in rows
    ]
    return ruler and "time:".ljust(margin) + ruler, written


def _columns(widths: Mapping[float, int], tick: float) -> tuple[dict[float, int], str]:
    """Return the column of each instant, and the labels of those that need one."""
    columns = {0.0: 0}
    ruler = "0ms"
    before = 0.0
    for at in sorted(widths)[1:]:
        ticks = (at - before) / tick
        if abs(ticks - round(ticks)) < 1e-6 and widths[before] <= round(ticks) <= _FAR:
            columns[at] = columns[before] + round(ticks)
        else:
            columns[at] = max(columns[before] + widths[before] + 1, len(ruler) + 1)
            ruler = ruler.ljust(columns[at]) + duration(at)
        before = at
    return columns, "" if ruler == "0ms" else ruler


def _row(marbles: Sequence[tuple[int, str]], begun: int) -> str:
    row = " " * begun
    for column, marble in marbles:
        row = row.ljust(column, " " if marble.lstrip("(").startswith(SUBSCRIBED) else "-") + marble
    return row if marbles else row + "-"


def write_on(signs: TimedSigns, timeline: Timeline) -> str | None:
    """Return a row with each marble in the column of its time; None if one has no column."""
    zero = timeline.labels[0][0]
    row = ""
    for at, marble in signs:
        column = timeline.column(at)
        if column is None or column - zero < len(row):
            return None
        row = row.ljust(column - zero, "-") + marble
    return row or "-"
