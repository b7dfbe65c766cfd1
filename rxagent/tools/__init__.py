"""Tools: what a model may call, how it is described, and what happens when it is called."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .builtin import FINAL_ANSWER
    from .calls import run_call
    from .definition import Tool, as_tool, tool
    from .signature import Given
    from .toolbox import Toolbox

_HOME_OF = {
    "FINAL_ANSWER": "builtin",
    "Given": "signature",
    "Tool": "definition",
    "Toolbox": "toolbox",
    "as_tool": "definition",
    "run_call": "calls",
    "tool": "definition",
}

__all__ = ["FINAL_ANSWER", "Given", "Tool", "Toolbox", "as_tool", "run_call", "tool"]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
