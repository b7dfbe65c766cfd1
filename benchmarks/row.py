"""Rows: a measurement beside its limit."""

from attrs import frozen

__all__ = ["Row"]


@frozen
class Row:
    """One line of the table.

    Attributes:
        name: What was measured.
        value: How much it was.
        unit: In what it was measured.
        bar: What is asked, as words: ``"at most 0.08 x"``; empty where nothing is.
        met: Whether it is; None where nothing is asked.
        note: What else is to be known.
        sdk: The same of the SDK's own loop, None where it has none.
        ratio: How many times the SDK's it was, None where there is nothing to compare.
    """

    name: str
    value: float
    unit: str
    bar: str = ""
    met: bool | None = None
    note: str = ""
    sdk: float | None = None
    ratio: float | None = None
