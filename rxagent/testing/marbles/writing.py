"""Writing what was told as rows of marbles."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TypeAlias

from attrs import frozen

from .diagram import Note, Watch
from .playing import Subscription
from .timeline import Timeline, duration

__all__ = ["Row", "Strand", "lay_out", "strand_of", "watch_strand", "write", "write_on"]

Strand: TypeAlias = Sequence[tuple[float, str]]
"""The marbles of a row, with the seconds of each."""

_FAR = 40


@frozen
class Row:
    """A row to be written: its name with its sign, its marbles, and when its first column is."""

    head: str
    strand: Strand
    begun: float = 0.0


def strand_of(notes: Iterable[Note], sign: Callable[[Note], str], begun: float = 0.0) -> Strand:
    """Return the marbles of some notes; those of one instant are a group."""
    return [
        (round(begun + at, 6), _grouped([sign(note) for note in together]))
        for at, together in groupby(notes, key=lambda note: note.at)
    ]


def watch_strand(subscription: Subscription | Watch) -> Strand:
    """Return the marbles of a row that says when somebody subscribed and disposed."""
    times = {"^": subscription.subscribed, "!": subscription.disposed}
    signs = [(at, sign) for sign, at in times.items() if at is not None]
    return [
        (at, _grouped([sign for _, sign in together]))
        for at, together in groupby(signs, key=lambda sign: sign[0])
    ]


def _grouped(signs: list[str]) -> str:
    return signs[0] if len(signs) == 1 else f"({''.join(signs)})"


def write(strands: Mapping[str, Strand], tick: float) -> str:
    """Return rows under one another, with a ruler where ticks do not say the time."""
    ruler, rows = lay_out([Row(f"{name}:", strand) for name, strand in strands.items()], tick)
    return "\n".join([ruler, *rows] if ruler else rows)


def lay_out(rows: Sequence[Row], tick: float, margin: int = 0) -> tuple[str, list[str]]:
    """Return the ruler that rows need, empty where ticks say the time, and the rows.

    Their first column is `margin`, or the first one behind all names.
    """
    widths: dict[float, int] = {0.0: 1}
    for row in rows:
        widths.setdefault(row.begun, 1)
        for at, marble in row.strand:
            widths[at] = max(widths.get(at, 1), len(marble))
    columns, ruler = _columns(widths, tick)
    heads = [*(["time:"] if ruler else []), *(row.head for row in rows)]
    margin = max(margin, max(map(len, heads)) + 1)
    written = [
        row.head.ljust(margin)
        + _row([(columns[at], sign) for at, sign in row.strand], columns[row.begun])
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
        is_plain = abs(ticks - round(ticks)) < 1e-6 and widths[before] <= round(ticks) <= _FAR
        if is_plain:
            columns[at] = columns[before] + round(ticks)
        else:
            columns[at] = max(columns[before] + widths[before] + 1, len(ruler) + 1)
            ruler = ruler.ljust(columns[at]) + duration(at)
        before = at
    return columns, "" if ruler == "0ms" else ruler


def _row(marbles: Sequence[tuple[int, str]], begun: int) -> str:
    row = " " * begun
    for column, marble in marbles:
        row = row.ljust(column, " " if marble[:2] in ("^", "(^") else "-") + marble
    return row if marbles else row + "-"


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
