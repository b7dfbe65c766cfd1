"""Leaving: how the process ends, soon and quietly."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Never

__all__ = ["before_leaving", "interrupts_leave", "leave", "leave_at_once", "on_interrupt"]

_INTERRUPTED = 130
_PATIENCE = 2.0

_undoing: list[Callable[[], object]] = []


def leave(code: int) -> Never:
    """End the process, once what is open has been let go, or without that when it takes long.

    A tool that blocks its thread cannot be stopped; nobody should have to wait for it.
    """
    if _is_busy():
        leave_at_once(code)
    sys.exit(code)


def leave_at_once(code: int) -> Never:
    """End the process from any place in it, with the terminal as it was before."""
    for undo in _undoing:
        undo()
    os._exit(code)


@contextmanager
def before_leaving(undo: Callable[[], object]) -> Iterator[None]:
    """Call a function at the end of the block, also where the process ends in the midst of it."""
    _undoing.append(undo)
    try:
        yield
    finally:
        _undoing.remove(undo)
        undo()


def interrupts_leave() -> Any:
    """Let Ctrl-C end the process at once, with no traceback of whatever is being imported."""
    return on_interrupt(lambda *_: leave_at_once(_INTERRUPTED))


@contextmanager
def on_interrupt(handler: Callable[..., object]) -> Iterator[None]:
    """Let Ctrl-C call a function during a block; where it is ignored (`nohup`), it stays ignored.

    What the handler was replaced by meanwhile is replaced, too, when the block ends.
    """
    ignored = signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None)
    if ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _is_busy() -> bool:
    loop = sys.modules.get("rxagent.streams.open_work")
    if loop is None:
        return False
    deadline = time.monotonic() + _PATIENCE
    while loop.open_work() and time.monotonic() < deadline:
        time.sleep(0.005)
    return bool(loop.open_work())
