"""Writing what was told as rows of marbles."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TypeAlias

from .diagram import Note
from .playing import Subscription
from .timeline import Timeline, duration

__all__ = ["Strand", "strand_of", "watch_strand", "write", "write_on"]

Strand: TypeAlias = Sequence[tuple[float, str]]
"""The marbles of a row, with the seconds of each."""

_FAR = 40


def strand_of(notes: Iterable[Note], sign: Callable[[Note], str]) -> Strand:
    """Return the marbles of some notes; those of one instant are a group."""
    return [
        (at, _grouped([sign(note) for note in together]))
        for at, together in groupby(notes, key=lambda note: note.at)
    ]


def watch_strand(subscription: Subscription) -> Strand:
    """Return the marbles of a row that says when somebody subscribed and disposed."""
    signs = [(subscription.subscribed, "^")]
    if subscription.disposed is not None:
        signs.append((subscription.disposed, "!"))
    return [
        (at, _grouped([sign for _, sign in together]))
        for at, together in groupby(signs, key=lambda sign: sign[0])
    ]


def _grouped(signs: list[str]) -> str:
    return signs[0] if len(signs) == 1 else f"({''.join(signs)})"


def write(strands: Mapping[str, Strand], tick: float) -> str:
    """Return rows under one another, with a ruler where ticks do not say the time."""
    widths: dict[float, int] = {0.0: 1}
    for at, marble in (marble for strand in strands.values() for marble in strand):
        widths[at] = max(widths.get(at, 1), len(marble))
    columns, ruler = _lay_out(widths, tick)
    rows = {name: _row([(columns[at], sign) for at, sign in strands[name]]) for name in strands}
    if ruler:
        rows = {"time": ruler, **rows}
    margin = max(map(len, rows)) + 2
    return "\n".join(f"{name}:".ljust(margin) + row for name, row in rows.items())


def _lay_out(widths: Mapping[float, int], tick: float) -> tuple[dict[float, int], str]:
    """Return the column of each instant, and the labels of those that need one."""
    columns = {0.0: 0}
    ruler = "0ms"
    before = 0.0
    for at in sorted(widths)[1:]:
        ticks = (at - before) / tick
        is_plain = abs(ticks - round(ticks)) < 1e-6 and widths[before] <= round(ticks) <= _FAR
        if is_plain:
            columns[at] = columns[before] + round(ticks)
        else:
            columns[at] = max(columns[before] + widths[before] + 1, len(ruler) + 1)
            ruler = ruler.ljust(columns[at]) + duration(at)
        before = at
    return columns, "" if ruler == "0ms" else ruler


def _row(marbles: Iterable[tuple[int, str]]) -> str:
    row = ""
    for column, marble in marbles:
        row = row.ljust(column, " " if marble[:2] in ("^", "(^") else "-") + marble
    return row or "-"


def write_on(strand: Strand, timeline: Timeline) -> str | None:
    """Return a row in which each marble stands in its time's column; None when one cannot."""
    zero = timeline.labels[0][0]
    row = ""
    for at, marble in strand:
        column = timeline.column(at)
        if column is None or column - zero < len(row):
            return None
        row = row.ljust(column - zero, "-") + marble
    return row or "-"
