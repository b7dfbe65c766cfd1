"""Secrets in deltas: a model says a key in pieces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ._secrets import Secrets

__all__ = ["hide_in_deltas"]

_ATTEMPT = "StepRetried"
"""What follows it belongs to another answer."""


def hide_in_deltas(secrets: Secrets, deltas: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return deltas, as JSON, without secrets; pieces of one text are searched as one."""
    attempt = 0
    hidden = list[dict[str, Any]]()
    parts = defaultdict[tuple[Any, ...], list[dict[str, Any]]](list)
    for delta in deltas:
        attempt += delta["type"] == _ATTEMPT
        texts = {name for name, value in delta.items() if isinstance(value, str)} - {"type"}
        rest = {name: value for name, value in delta.items() if name not in texts}
        # With all its fields in their order; the texts are replaced below.
        hidden.append({**delta, **secrets.hidden(rest)})
        for name in texts:
            parts[attempt, delta["type"], delta.get("index"), name].append(hidden[-1])
    for (*_, name), holders in parts.items():
        pieces = secrets.hidden_pieces([holder[name] for holder in holders])
        for holder, piece in zip(holders, pieces, strict=True):
            holder[name] = piece
    return hidden
