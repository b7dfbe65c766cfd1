"""Repeated: what comes of a part of a reply that may be an earlier part once more.

OpenAI itself sends some messages twice, and gateways send parts of a reply again, under their
indexes and ids or others.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["Repeated"]


class Repeated:
    """Compares the texts of a part with those of an earlier one, while they are the same.

    Attributes:
        held: What is held until it is known whether the part is that one.

    Args:
        texts: The texts of the earlier part, which is whole, by their names.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.held: list[Any] = []
        self._texts = texts
        self._at: dict[str, int] = {}

    def goes_on(self, name: str, piece: str) -> bool:
        """Return whether the earlier part goes on with a piece, too."""
        at = self._at.get(name, 0)
        goes_on = self._texts.get(name, "").startswith(piece, at)
        if goes_on:
            self._at[name] = at + len(piece)
        return goes_on

    @property
    def is_all(self) -> bool:
        """Whether all texts of the earlier part have come again, or none of them has begun."""
        lengths = {name: len(text) for name, text in self._texts.items() if text}
        return not self._at or lengths == {name: at for name, at in self._at.items() if at}
