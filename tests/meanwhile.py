"""Meanwhile: something is done between two steps, as another thread may do it."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["meanwhile"]

Trace = Callable[[FrameType, str, Any], Any]


def meanwhile(run: Callable[[], object], step: int, act: Callable[[], object]) -> bool:
    """Run something, and act before one of its steps within rxagent; tell whether it came to it."""
    steps = 0
    tracing = sys.gettrace()

    def enter(frame: FrameType, _: str, __: Any) -> Trace | None:
        if frame.f_globals.get("__name__", "").partition(".")[0] != "rxagent":
            return None
        frame.f_trace_opcodes = True
        return pause

    def pause(_: FrameType, happening: str, __: Any) -> Trace:
        nonlocal steps
        if happening == "opcode":
            steps += 1
            if steps == step:
                sys.settrace(tracing)  # the steps that follow take no longer than they need
                act()
        return pause

    sys._getframe().f_trace_opcodes = True  # Python 3.12 has to know it beforehand
    sys.settrace(enter)
    try:
        run()
    finally:
        sys.settrace(tracing)
    return steps >= step
