"""Plain lines: an event as one line of text."""

from __future__ import annotations

import json
from typing import Any

from ..events import Event
from ..printable import shown
from ..wire import encode

__all__ = ["plain_line"]


def plain_line(event: Event) -> str:
    """Return an event as one line: its name, then its fields as JSON."""
    fields = encode(event)
    # Only the type of an UnknownEvent can hold newlines and tabs; JSON escapes all other text.
    line = _line(fields, skipped=("v", "type")).replace("\n", "␊").replace("\t", "␉")
    return shown(line)


def _line(fields: dict[str, Any], skipped: tuple[str, ...] = ("type",)) -> str:
    parts = [
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in fields.items()
        if name not in (*skipped, "event")
    ]
    inner = [_line(fields["event"])] if isinstance(fields.get("event"), dict) else []
    return " ".join((fields["type"], *parts, *inner))
