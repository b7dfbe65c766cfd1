"""Spent: the tokens that were used so far."""

from __future__ import annotations

from ..events import Usage

__all__ = ["Spent"]


class Spent:
    """Adds up reports of usage.

    Attributes:
        total: The sum of all reports; None before the first.
        by_model: The sum of each model's, by its name; that of unknown models by an empty name.
    """

    def __init__(self) -> None:
        self.total: Usage | None = None
        self.by_model: dict[str, Usage] = {}

    def add(self, usage: Usage) -> None:
        """Add a report."""
        name = usage.model or ""
        self.total = Usage.sum(self.total, usage)
        self.by_model[name] = Usage.sum(self.by_model.get(name), usage) or usage
