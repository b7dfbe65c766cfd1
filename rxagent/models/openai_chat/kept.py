"""Kept: what the provider of a message wants back, beside its text and its calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...events import Delta, ReasoningDelta
from ...messages import ProviderData
from ...streams.fairness import REST, Rest
from .marked import without_mark
from .nesting import is_deep
from .reasoning import ReasoningParts, thought_parts

__all__ = ["OF_MODEL", "OPAQUE", "Kept"]

OF_MODEL = "of_model"
"""The name under which data says which model it is for; without it, it is for all of its origin."""

OPAQUE = {
    "reasoning_items",
    "reasoning_opaque",
    "thinking_blocks",
    "redacted_thinking",
    "provider_specific_fields",
    "extra_content",
}
"""Fields of a message that mean nothing but to the provider that sent them."""


class Kept:
    """Keeps what a provider wants back, and gives it in deltas without text.

    Attributes:
        has_parts: Whether parts were added since they were taken.

    Args:
        origin: The origin that gets it back; None keeps nothing.
        model: The model that gets its reasoning back: others of its server may refuse it.
    """

    def __init__(self, origin: str | None, model: str | None = None) -> None:
        self.has_parts = False
        self._origin = origin
        self._of_model = {} if model is None else {OF_MODEL: model}
        self._parts = ReasoningParts()
        self._field: str | None = None
        self._ids: set[str] = set()

    def data(self, data: dict[str, Any]) -> tuple[ProviderData, ...]:
        """Return the data that is kept with a delta; none where it is empty."""
        return (ProviderData(self._origin, data),) if data and self._origin is not None else ()

    def is_new(self, id: str) -> bool:
        """Return whether the id of a call is asked for the first time."""
        is_new = id not in self._ids
        self._ids.add(id)
        return is_new

    def add(self, name: str, value: Any) -> Iterator[Rest]:
        """Add the parts of a field, a list or an object; they may be pieces of their own."""
        if self._origin is not None:
            self.has_parts = True
            yield from self._parts.add(name, value)

    def add_thoughts(self, content: Any) -> Iterator[Rest]:
        """Add those parts of a content that are thoughts."""
        if self._origin is not None and not is_deep(content):
            for part in thought_parts(content):
                if part is REST:
                    yield REST
                else:
                    yield from self.add("content", [part])

    def take(self) -> Iterator[Delta | Rest]:
        """Yield the parts that were added, put together."""
        if self.has_parts:
            self.has_parts = False
            kept = yield from self._parts.take()
            yield ReasoningDelta("", self.data({"message": kept, **self._of_model}))

    def take_opaque(self, fields: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        """Yield the opaque fields of a message; those that are lists are added to the parts."""
        for name in OPAQUE & fields.keys():
            value = fields[name]
            value = without_mark(value) if name == "extra_content" else value
            if not value or is_deep(value) or self._origin is None:
                continue
            if isinstance(value, list):
                yield from self.add(name, value)
            else:
                yield ReasoningDelta("", self.data({"message": {name: value}}))

    def field(self, name: str, fields: Mapping[str, Any]) -> tuple[ProviderData, ...]:
        """Return in which field the text of the reasoning came, the first time."""
        if not isinstance(fields.get(name), str) or name == self._field:
            return ()
        self._field = name
        return self.data({"reasoning_field": name, **self._of_model})
