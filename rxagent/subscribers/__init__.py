"""Subscribers: observers of a run, each with one purpose."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Eager, or else the rooms would hide the functions of the same names.
from .on import on
from .sampled import sampled

if TYPE_CHECKING:
    from .console import Console
    from .log import Log
    from .metrics import Metrics, Snapshot, ToolTimes

_HOME_OF = {
    "Console": "console",
    "Log": "log",
    "Metrics": "metrics",
    "Snapshot": "metrics",
    "ToolTimes": "metrics",
}

__all__ = ["Console", "Log", "Metrics", "Snapshot", "ToolTimes", "on", "sampled"]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
