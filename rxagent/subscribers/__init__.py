"""Subscribers: ready-made observers of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily

# Imported now, or else the modules would hide the functions of the same names.
from .on import on
from .sampled import sampled

if TYPE_CHECKING:
    from .console import Console
    from .log import Log
    from .metrics import Metrics, Snapshot, ToolTimes

_MODULE_OF = {
    "Console": "console",
    "Log": "log",
    "Metrics": "metrics",
    "Snapshot": "metrics",
    "ToolTimes": "metrics",
}

__all__ = ["Console", "Log", "Metrics", "Snapshot", "ToolTimes", "on", "sampled"]

__getattr__, __dir__ = lazily(__name__, _MODULE_OF, __all__)
