"""Leaving: how the process ends, soon and quietly. It imports only the standard library."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Never

__all__ = ["before_leaving", "leave", "leave_at_once", "on_interrupt"]

_PATIENCE = 2.0

_undoing: list[Callable[[], object]] = []


def leave(code: int) -> Never:
    """End the process when its open work is done, or after two seconds.

    A tool that blocks its thread cannot be stopped; the user should not have to wait for it.
    """
    loop = sys.modules.get("rxagent.streams.open_work")
    deadline = time.monotonic() + _PATIENCE
    while loop is not None and loop.open_work():
        if time.monotonic() > deadline:
            leave_at_once(code)
        time.sleep(0.005)
    sys.exit(code)


def leave_at_once(code: int) -> Never:
    """End the process from any thread, with the terminal as it was before."""
    for undo in _undoing:
        undo()
    os._exit(code)


@contextmanager
def before_leaving(undo: Callable[[], object]) -> Iterator[None]:
    """Call a function at the end of the block, also when the process ends inside it."""
    _undoing.append(undo)
    try:
        yield
    finally:
        _undoing.remove(undo)
        undo()


@contextmanager
def on_interrupt(handler: Callable[..., Any]) -> Iterator[None]:
    """Let Ctrl-C call a function during a block, unless it is ignored, as under `nohup`.

    At the end of the block the handler from before is back, whatever replaced this one.
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
