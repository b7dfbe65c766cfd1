"""Table: which cells of the contract each provider passes, as a part of a Markdown page.

A cell says `yes`, or the number of the reason for which the provider does not offer it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from attrs import field, frozen

__all__ = ["PROPERTY", "Column", "columns_of", "parse", "render", "replaced"]

PROPERTY = "rxagent contract"
"""The name of the property by which a test reports its cell."""

_BEGIN, _END = "<!-- contract -->", "<!-- end of contract -->"
_PART = re.compile(f"{_BEGIN}(.*?){_END}", re.DOTALL)
_HEAD = re.compile(r"`([\w-]+)`(?: \((.+?)\))?")
_YES = "yes"


@frozen
class Column:
    """The cells of one provider.

    Attributes:
        prefix: The provider's prefix.
        dated: The day of the run, if that is not part of each test run.
        cells: The reason for which each cell is not offered; empty for one that is passed.
    """

    prefix: str
    dated: str = ""
    cells: Mapping[str, str] = field(factory=dict)


def columns_of(
    results: Iterable[tuple[str, str, str, str]], cells: Collection[str]
) -> list[Column]:
    """Return the columns of the providers that have a result for each cell.

    Args:
        results: For each cell that was passed or not offered: prefix, day, cell, reason.
        cells: The names of all cells.
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    for prefix, dated, cell, reason in results:
        found.setdefault((prefix, dated), {})[cell] = reason
    return [
        Column(prefix, dated, {cell: of[cell] for cell in cells})
        for (prefix, dated), of in found.items()
        if of.keys() >= set(cells)
    ]


def render(columns: Iterable[Column], cells: Iterable[str]) -> str:
    """Return the table of some columns, and the reasons below it."""
    columns = sorted(columns, key=lambda column: column.prefix)
    reasons = {reason: "" for column in columns for reason in column.cells.values() if reason}
    numbered = {reason: number for number, reason in enumerate(reasons, 1)}
    heads = (f"`{c.prefix}`" + (f" ({c.dated})" if c.dated else "") for c in columns)
    lines = [_row(["", *heads]), _row(["---"] * (len(columns) + 1))]
    for cell in cells:
        said = (_said(column.cells.get(cell), numbered) for column in columns)
        lines.append(_row([cell.replace("_", " "), *said]))
    below = [f"{number}. {reason}" for reason, number in numbered.items()]
    return "\n".join([*lines, "", *below]).strip() + "\n"


def parse(page: str) -> list[Column]:
    """Return the columns of the table of a page.

    Raises:
        ValueError: The page has no place for one.
    """
    table = _table(page)
    rows = [
        [part.strip() for part in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|")
    ]
    if not rows:
        return []
    reasons = dict(re.findall(r"^(\d+)\. (.+)$", table, re.MULTILINE))
    heads = [_HEAD.fullmatch(head) for head in rows[0][1:]]
    return [
        Column(
            head[1],
            head[2] or "",
            {
                row[0].replace(" ", "_"): reasons.get(row[at].removeprefix("no, "), "")
                for row in rows[2:]
                if row[at]
            },
        )
        for at, head in enumerate(heads, 1)
        if head is not None
    ]


def replaced(page: str, columns: Iterable[Column], cells: Iterable[str]) -> str:
    """Return a page with these columns in place of those of the same providers.

    Raises:
        ValueError: The page has no place for a table.
    """
    merged = {column.prefix: column for column in [*parse(page), *columns]}
    table = f"{_BEGIN}\n\n{render(merged.values(), cells)}\n{_END}"
    return _PART.sub(lambda _: table, page)


def _table(page: str) -> str:
    if (found := _PART.search(page)) is None:
        raise ValueError(f"The page has no table: write {_BEGIN} and {_END} where it belongs.")
    return found[1]


def _row(parts: Iterable[str]) -> str:
    return f"| {' | '.join(parts)} |"


def _said(reason: str | None, numbered: Mapping[str, int]) -> str:
    if reason is None:
        return ""
    return f"no, {numbered[reason]}" if reason else _YES
