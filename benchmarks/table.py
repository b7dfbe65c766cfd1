"""The table: rows as lines of text."""

from collections.abc import Sequence

from .row import Row

__all__ = ["table"]

_HEAD = ("", "rxagent", "SDK", "unit", "ratio", "bar", "met", "")
_RIGHT = (1, 2, 4)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table, the notes last."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    widths[-1] = 0
    return "\n".join(_line(cells, widths) for cells in lines)


def _cells(row: Row) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: ""}[row.met]
    ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
    return row.name, _figure(row.value), _figure(row.sdk), row.unit, ratio, row.bar, met, row.note


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    placed = (
        cell.rjust(width) if column in _RIGHT else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(placed).rstrip()
