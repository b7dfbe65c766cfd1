"""Blocking: how a thread waits for what others do."""

import asyncio
import threading
from collections.abc import Callable
from time import monotonic

from .workers import Workers

__all__ = ["GLANCE", "Patience"]

GLANCE = 0.1
"""After how many seconds who waits for ever looks for Ctrl-C.

Python looks for it before it waits, and waking up; what comes in between has to wait, too.
"""


class Patience:
    """The waiting of a thread, in which Ctrl-C is heard, also where it is a coroutine that blocks.

    `asyncio.run` takes Ctrl-C for a wish to cancel the task, which a task that blocks cannot hear,
    so it is asked for now and then. Made when the waiting begins.
    """

    def __init__(self) -> None:
        try:
            self._task = asyncio.current_task()
        except RuntimeError:
            self._task = None
        self._wishes = self._task.cancelling() if self._task else 0

    def wait(self, has_come: Callable[[float | None], bool], timeout: float | None = None) -> bool:
        """Block until `has_come(seconds)`, which waits so long at most, says so; else return False.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        with Workers.waiting():
            if self._task is None and threading.current_thread() is not threading.main_thread():
                return has_come(timeout)
            end = None if timeout is None else monotonic() + timeout
            while True:
                if self._task is not None and self._task.cancelling() > self._wishes:
                    raise KeyboardInterrupt
                left = GLANCE if end is None else min(GLANCE, end - monotonic())
                if has_come(max(0.0, left)):
                    return True
                if left <= 0:
                    return False
