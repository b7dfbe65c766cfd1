"""Tools: what a model may call, how it is described, and what happens when it is called."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .calls import run_call
    from .signature import Given
    from .tool import Tool, as_tool, tool
    from .toolbox import FINAL_ANSWER, Toolbox

_ROOM_OF = {
    "FINAL_ANSWER": "toolbox",
    "Given": "signature",
    "Tool": "tool",
    "Toolbox": "toolbox",
    "as_tool": "tool",
    "run_call": "calls",
    "tool": "tool",
}

__all__ = ["FINAL_ANSWER", "Given", "Tool", "Toolbox", "as_tool", "run_call", "tool"]

__getattr__, __dir__ = lazily(__name__, _ROOM_OF, __all__)
