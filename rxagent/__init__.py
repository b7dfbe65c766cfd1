"""LLM agents as reactive streams."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import errors, events, models, operators, subscribers, testing
    from .agents import Agent
    from .messages import Image, Message, Request, ToolCall
    from .runs import Run, launch
    from .state import State, fold
    from .streams import each
    from .tools import Given, Tool, tool

__version__ = "0.1.0"

_ROOMS = ("errors", "events", "models", "operators", "subscribers", "testing")
_HOME_OF = {
    "Agent": "agents",
    "Given": "tools",
    "Image": "messages",
    "Message": "messages",
    "Request": "messages",
    "Run": "runs",
    "State": "state",
    "Tool": "tools",
    "ToolCall": "messages",
    "each": "streams",
    "fold": "state",
    "launch": "runs",
    "tool": "tools",
}

__all__ = [
    "Agent",
    "Given",
    "Image",
    "Message",
    "Request",
    "Run",
    "State",
    "Tool",
    "ToolCall",
    "each",
    "errors",
    "events",
    "fold",
    "launch",
    "models",
    "operators",
    "subscribers",
    "testing",
    "tool",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f".{name}", __name__)
    if name in _HOME_OF:
        value = getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
