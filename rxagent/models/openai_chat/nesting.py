"""Nesting: how deeply a value may be nested to be kept."""

from __future__ import annotations

from typing import Any

__all__ = ["is_deep"]

_DEEPEST = 100


def is_deep(value: Any) -> bool:
    """Return whether a value is nested too deeply to be copied, sent and stored."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(_DEEPEST):
        if not level:
            return False
        level = [
            item
            for part in level
            for item in (part.values() if isinstance(part, dict) else part)
            if isinstance(item, dict | list)
        ]
    return True
