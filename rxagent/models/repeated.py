"""Repeated: what comes of a part of a reply that may be an earlier part once more.

OpenAI itself sends some messages twice, and gateways send parts of a reply again, under their
indexes and ids or others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..call_arguments import in_order

__all__ = ["Repeated"]


_AS_JSON = {"arguments", "input"}
"""The texts that are compared at their end, as what they say may be written in two ways."""


class Repeated:
    """Compares the texts of a part with those of an earlier one, while they may be the same.

    Attributes:
        held: What is held until it is known whether the part is that one.

    Args:
        texts: The texts of the earlier part, which is whole, by their names.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.held: list[Any] = []
        self._texts = texts
        self._at: dict[str, int] = {}
        self._json: dict[str, list[str]] = {}

    def goes_on(self, name: str, piece: str) -> bool:
        """Return whether the earlier part goes on with a piece, too, as far as it is known."""
        if name in _AS_JSON:
            self._json.setdefault(name, []).append(piece)
            return True
        at = self._at.get(name, 0)
        goes_on = self._texts.get(name, "").startswith(piece, at)
        if goes_on:
            self._at[name] = at + len(piece)
        return goes_on

    @property
    def is_all(self) -> bool:
        """Whether all texts of the earlier part have come again, or none of them has begun."""
        if not (self._at or self._json):
            return True
        lengths = {name: len(text) for name, text in self._texts.items() if text}
        lengths = {name: size for name, size in lengths.items() if name not in _AS_JSON}
        pairs = [("".join(it), self._texts.get(name, "")) for name, it in self._json.items()]
        is_same_json = all(in_order(now) == in_order(before) for now, before in pairs)
        return is_same_json and lengths == {name: at for name, at in self._at.items() if at}
