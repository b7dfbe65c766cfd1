"""Tools: functions that a model may call, their schemas, and their calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .calls import run_call
    from .definition import Tool, as_tool, tool
    from .signature import Given
    from .toolbox import FINAL_ANSWER, Toolbox

_MODULE_OF = {
    "FINAL_ANSWER": "toolbox",
    "Given": "signature",
    "Tool": "definition",
    "Toolbox": "toolbox",
    "as_tool": "definition",
    "run_call": "calls",
    "tool": "definition",
}

__all__ = ["FINAL_ANSWER", "Given", "Tool", "Toolbox", "as_tool", "run_call", "tool"]

__getattr__, __dir__ = lazily(__name__, _MODULE_OF, __all__)
