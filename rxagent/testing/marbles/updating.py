"""Rewrite the row `out:` of a diagram as what really comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...errors import MarbleSyntaxError
from .diagram import Diagram, Note
from .reading import parse
from .report import is_same
from .writing import Signs, WrittenRow, binding, lay_out, signs_of, watch_signs, write_on

__all__ = ["updated"]


def updated(diagram: Diagram, notes: tuple[Note, ...]) -> str:
    """Return the diagram's text with these notes as its row `out:`.

    If its columns have no place for them, all rows are laid out again, under a ruler `time:`.

    Raises:
        MarbleSyntaxError: The notes cannot be written.
    """
    for rewritten in (_row_alone, _all_rows):
        for quoting in (True, False):
            signs = Signs(diagram.bindings, quoting)
            lines = rewritten(diagram, notes, signs)
            added = [binding(letter, value) for letter, value in signs.added.items()]
            text = "\n".join([*lines, *added, ""])
            if _is_equal(text, diagram, notes):
                return text
    raise diagram.out.line.flaw(
        0, "What came cannot be written as a row of marbles and bindings; write it by hand."
    )


def _lines(diagram: Diagram) -> list[str]:
    return diagram.text.rstrip("\n").split("\n")


def _row_alone(diagram: Diagram, notes: tuple[Note, ...], signs: Signs) -> list[str]:
    """Return the lines with a new row `out:` in the columns of the diagram."""
    lines = _lines(diagram)
    row = write_on(signs_of(notes, signs.of), diagram.timeline)
    zero, _ = diagram.timeline.labels[0]
    if row is not None:
        lines[diagram.out.line.number - 1] = "out:".ljust(zero) + row
    return lines


def _all_rows(diagram: Diagram, notes: tuple[Note, ...], signs: Signs) -> list[str]:
    """Return the lines with all rows laid out again, and the ruler that they need."""
    rows = dict(_rows(diagram, notes, signs))
    zero, _ = diagram.timeline.labels[0]
    ruler, written = lay_out(list(rows.values()), diagram.timeline.tick, zero)
    new = dict(zip(rows, written, strict=True))
    lines = []
    for number, text in enumerate(_lines(diagram), 1):
        if ruler and number == min(rows):
            lines.append(ruler)
        if not text.startswith("time:"):
            lines.append(new.get(number, text))
    return lines


def _rows(
    diagram: Diagram, notes: tuple[Note, ...], signs: Signs
) -> Iterator[tuple[int, WrittenRow]]:
    """Yield the rows to write with their line numbers; blank ones are left alone."""
    for source in diagram.sources:
        row = signs_of(source.notes, lambda note: note.sign, source.drawn)
        head = f"{source.name}{'~' if source.is_hot else ':'}"
        yield source.line.number, WrittenRow(head, row, source.drawn)
    for watch in diagram.watches:
        if row := watch_signs(watch):
            yield watch.line.number, WrittenRow(f"{watch.name}^", row)
    yield diagram.out.line.number, WrittenRow("out:", signs_of(notes, signs.of))


def _is_equal(text: str, diagram: Diagram, notes: tuple[Note, ...]) -> bool:
    """Tell whether a text equals a diagram in everything but these notes."""
    try:
        read = parse(text)
    except MarbleSyntaxError:
        return False
    return (
        _times(read) == _times(diagram)
        and len(read.out.notes) == len(notes)
        and all(
            one.at == note.at and is_same(one, note)
            for one, note in zip(read.out.notes, notes, strict=True)
        )
    )


def _times(diagram: Diagram) -> list[tuple[Any, ...]]:
    return [
        *(
            (source.name, source.is_hot, source.drawn, *((n.at, n.sign) for n in source.notes))
            for source in diagram.sources
        ),
        *((watch.name, watch.subscribed, watch.disposed) for watch in diagram.watches),
    ]
