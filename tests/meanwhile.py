"""Meanwhile: something is done between two steps, as another thread may do it."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["meanwhile"]

Trace = Callable[[FrameType, str, Any], Any]


def meanwhile(run: Callable[[], object], step: int, act: Callable[[], object]) -> bool:
    """Run something, and act before one of its steps within rxagent; tell whether it came to it."""
    steps, acting = 0, False

    def enter(frame: FrameType, _: str, __: Any) -> Trace | None:
        if acting or frame.f_globals.get("__name__", "").partition(".")[0] != "rxagent":
            return None
        frame.f_trace_opcodes = True
        return pause

    def pause(_: FrameType, happening: str, __: Any) -> Trace:
        nonlocal steps, acting
        if happening == "opcode" and not acting:
            steps += 1
            if steps == step:
                acting = True
                act()
                acting = False
        return pause

    sys._getframe().f_trace_opcodes = True  # Python 3.12 has to know it beforehand
    tracing = sys.gettrace()
    sys.settrace(enter)
    try:
        run()
    finally:
        sys.settrace(tracing)
    return steps >= step
