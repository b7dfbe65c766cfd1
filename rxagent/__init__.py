"""LLM agents as reactive streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import lazily

if TYPE_CHECKING:
    from . import errors, events, models, operators, subscribers, testing
    from .agents import Agent, CodeAgent
    from .messages import Image, Message, Request, ToolCall
    from .runs import Run, launch
    from .state import State, fold
    from .streams import Workers, each
    from .tools import Given, Tool, tool

__version__ = "0.1.0"

_MODULES = ("errors", "events", "models", "operators", "subscribers", "testing")
_MODULE_OF = {
    "Agent": "agents",
    "CodeAgent": "agents",
    "Given": "tools",
    "Image": "messages",
    "Message": "messages",
    "Request": "messages",
    "Run": "runs",
    "State": "state",
    "Tool": "tools",
    "ToolCall": "messages",
    "Workers": "streams",
    "each": "streams",
    "fold": "state",
    "launch": "runs",
    "tool": "tools",
}

__all__ = [
    "Agent",
    "CodeAgent",
    "Given",
    "Image",
    "Message",
    "Request",
    "Run",
    "State",
    "Tool",
    "ToolCall",
    "Workers",
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

__getattr__, __dir__ = lazily(
    __name__, _MODULE_OF, [*__all__, "__version__"], _MODULES, advice="rxagent.dropped"
)
