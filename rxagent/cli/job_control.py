"""Job control: the terminal is given back when the process is stopped or killed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

__all__ = ["giving_back"]

_ENDING = ("SIGTERM", "SIGHUP")


@contextmanager
def giving_back(restore: Callable[[], object], take: Callable[[], object]) -> Iterator[None]:
    """Give the terminal back during a block while the process is stopped, and when it is killed.

    Signals that the process handles already, or ignores, are left as they are.

    Args:
        restore: Restores the terminal as it was before the block.
        take: Sets it for the block again, after Ctrl-Z and `fg`.
    """

    def stop(number: int, _: FrameType | None) -> None:
        restore()
        _act_by_default(number)
        signal.signal(number, stop)
        take()

    def end(number: int, _: FrameType | None) -> None:
        restore()
        _act_by_default(number)

    with ExitStack() as handled:
        if threading.current_thread() is threading.main_thread():
            for name in _ENDING:
                handled.enter_context(_handling(name, end))
            handled.enter_context(_handling("SIGTSTP", stop))
        yield


def _act_by_default(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


@contextmanager
def _handling(name: str, handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    number = getattr(signal, name)
    if signal.getsignal(number) is not signal.SIG_DFL:
        yield
        return
    signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, signal.SIG_DFL)
