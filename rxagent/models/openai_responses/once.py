"""Once: the items of a list that repeats some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ...call_arguments import in_order
from .contents import CALL, texts_of

__all__ = ["TELLING", "once"]

_T = TypeVar("_T")

TELLING = "encrypted_content", "phase"
"""What tells two items of equal texts apart."""


def once(wholes: Sequence[tuple[_T, Any]]) -> list[tuple[_T, Any]]:
    """Return the items of the last event, those that are repeated once.

    Args:
        wholes: The items, each behind something else.
    """
    kept: list[tuple[_T, Any]] = []
    calls: list[Any] = []
    before: Any = None
    for beside, data in wholes:
        now = _identity_of(data)
        if now[0] == CALL:
            is_repeated = now in calls
            calls.append(now)
        else:
            is_repeated = now == before and any(now[1:])
        before = now
        if not is_repeated:
            kept.append((beside, data))
    return kept


def _identity_of(data: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what two items that are one have in common."""
    texts = {name: "".join(text for _, text in parts) for name, parts in texts_of(data).items()}
    kind = data.get("type")
    if kind == CALL:
        id = data.get("call_id")
        texts = {name: in_order(text) for name, text in texts.items()}
        return kind, object() if id is None else id, data.get("name"), texts
    return kind, texts, *map(data.get, TELLING)
