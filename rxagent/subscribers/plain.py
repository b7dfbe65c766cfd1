"""Plain: an event as one line of text."""

import json
from typing import Any

from ..events import Event
from ..wire import encode
from .shown import shown

__all__ = ["plain_line"]


def plain_line(event: Event) -> str:
    """Return an event as one line: its name, then its fields as JSON."""
    fields = encode(event)
    return shown(_line(fields, skipped=("v", "type")))


def _line(fields: dict[str, Any], skipped: tuple[str, ...] = ("type",)) -> str:
    said = [
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in fields.items()
        if name not in (*skipped, "event")
    ]
    inner = [_line(fields["event"])] if isinstance(fields.get("event"), dict) else []
    return " ".join((fields["type"], *said, *inner))
