"""Blocking: how a thread waits for what others do."""

import asyncio
from collections.abc import Callable
from time import monotonic

from .workers import Workers

__all__ = ["POLL_SECONDS", "Patience"]

POLL_SECONDS = 0.1
"""Seconds after which a thread that waits looks for Ctrl-C, and whether its loop is lost.

Python looks for Ctrl-C before it waits and when it wakes; what comes in between would be missed.
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

    def wait(
        self,
        has_come: Callable[[float | None], bool],
        timeout: float | None = None,
        is_vain: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Block until `has_come(seconds)`, which waits so long at most, is true; else return False.

        Args:
            has_come: What is waited for.
            timeout: Seconds to wait at most.
            is_vain: Whether it can come no more, which ends the wait as if it had come.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        with Workers.waiting():
            end = None if timeout is None else monotonic() + timeout
            while True:
                if self._task is not None and self._task.cancelling() > self._wishes:
                    raise KeyboardInterrupt
                left = POLL_SECONDS if end is None else min(POLL_SECONDS, end - monotonic())
                if has_come(max(0.0, left)):
                    return True
                if is_vain():
                    return True
                if end is not None and left <= 0:
                    return False
