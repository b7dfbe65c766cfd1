"""Tasks and timers of a run, on its loop and in its context."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any

from reactivex import abc

from ..errors import RunCancelled
from .open_work import OpenWork
from .serial_queue import SerialQueue

__all__ = ["LoopTask", "LoopTimer", "cancels_itself"]


_whose: ContextVar[object] = ContextVar("rxagent_whose")


class _Watched(asyncio.Task[None]):
    """A task that knows whether its own code has cancelled it, or other code has.

    Its own code is what runs in its context: its tasks and callbacks, too.
    """

    def __init__(
        self,
        work: Coroutine[Any, Any, None],
        loop: asyncio.AbstractEventLoop,
        name: str,
        context: Context,
    ) -> None:
        self._mark = object()
        self.cancels_itself = False
        context.run(_whose.set, self._mark)
        super().__init__(work, loop=loop, name=name, context=context)

    def cancel(self, msg: Any = None) -> bool:
        self.cancels_itself = _whose.get(None) is self._mark
        return super().cancel(msg)


def cancels_itself() -> bool:
    """Return whether the running task, if it is watched, was cancelled last by its own code."""
    task = asyncio.current_task()
    return isinstance(task, _Watched) and task.cancels_itself


class LoopTask(abc.DisposableBase):
    """A task on a run's loop, from its request to its end.

    Args:
        queue: The run's.
        what: The task's name.
        work: Makes its coroutine.
        lost: Called when other code has cancelled it.
        is_watched: Whether the task notes that its own code cancels it; see `cancels_itself`.
    """

    __slots__ = ("_disposed", "_is_watched", "_lost", "_noted", "_queue", "_task", "_what", "_work")

    def __init__(
        self,
        queue: SerialQueue,
        what: str,
        work: Callable[[], Coroutine[Any, Any, None]],
        lost: Callable[[], None],
        is_watched: bool = False,
    ) -> None:
        self._queue = queue
        self._is_watched = is_watched
        self._what = what
        self._work = work
        self._lost = lost
        self._task: asyncio.Task[None] | None = None
        self._disposed = False
        self._noted = OpenWork(what, queue.loop, self.dispose, is_idle=lambda: queue.is_held)

    def begin(self) -> None:
        """Start the task.

        Raises:
            RunCancelled: The loop is closed.
        """
        try:
            if self._queue.on_loop_thread:
                self._start()
            elif not self._queue.call_on_loop(self._start):
                raise RunCancelled("The event loop of this run is closed.")
        except BaseException:  # also Ctrl-C, after which the loop may still start it
            self.dispose()
            self._noted.close()
            raise

    def _start(self) -> None:
        if self._disposed:
            self._noted.close()
            self._let_go()
            return
        # Not by the loop's task factory: an eager one would run the task within this call.
        kind = _Watched if self._is_watched else asyncio.Task
        loop, context = self._queue.loop, self._queue.context.copy()
        self._task = kind(self._work(), loop=loop, name=self._what, context=context)
        self._task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._queue.close_later(self._noted)
        lost = self._lost
        self._let_go()
        if task.cancelled():
            if not self._disposed:
                lost()
        elif (fault := task.exception()) is not None:
            self._queue.loop.call_exception_handler(
                {"message": f"{self._what} failed", "exception": fault, "task": task}
            )

    def _let_go(self) -> None:
        """Drop the task and the functions, whose owners may hold this."""
        self._task = None
        del self._work, self._lost

    def dispose(self) -> None:
        """Cancel the task, unless it is the one that calls this."""
        if self._disposed:
            return
        self._disposed = True
        if self._queue.on_loop_thread:
            self._cancel()
        elif not self._queue.call_on_loop(self._cancel) or self._queue.is_stopped:
            self._noted.close()  # the loop may never run again, so nothing is to keep it alive

    def _cancel(self) -> None:
        # A cancelled task would cut short the first thing that its `finally` blocks await.
        if self._task is not None and self._task is not asyncio.current_task(self._queue.loop):
            self._task.cancel()


class LoopTimer(abc.DisposableBase):
    """A timer of a run; it is stopped while the run is held.

    Args:
        queue: The run's.
        timers: The run's timers; this one is among them until it is over.
        seconds: How long it takes.
        action: Run then, on the run's loop thread.
    """

    def __init__(
        self,
        queue: SerialQueue,
        timers: dict[LoopTimer, None],
        seconds: float,
        action: Callable[[], None],
    ) -> None:
        self._queue = queue
        self._timers = timers
        self._left = max(0.0, seconds)
        self._due: float | None = None
        self._action = action
        self._handle: asyncio.TimerHandle | None = None
        self._noted = OpenWork("timer", queue.loop, self.dispose, is_idle=lambda: queue.is_held)
        timers[self] = None

    def start(self) -> None:
        """Start or continue the timer, once the run is not held."""
        self._due = self._queue.loop.time() + self._left
        self._on_loop(self._arm)

    def stop(self) -> None:
        """Stop the timer; `start` continues it."""
        if self._due is not None:
            self._left = max(0.0, self._due - self._queue.loop.time())
            self._due = None
            self._on_loop(self._disarm)

    def dispose(self) -> None:
        """Cancel the timer."""
        self._timers.pop(self, None)
        self._noted.close()
        self._on_loop(self._disarm)

    def _on_loop(self, action: Callable[[], None]) -> None:
        if self._queue.on_loop_thread:
            action()
        else:
            self._queue.call_on_loop(action)

    def _arm(self) -> None:
        self._disarm()
        if self._queue.is_held:
            self.stop()
        elif self in self._timers and self._due is not None:
            self._handle = self._queue.loop.call_at(
                self._due,
                self._queue.run_serialized,
                self._fire,
                context=self._queue.context.copy(),
            )

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        if self in self._timers and self._due is not None:
            self._timers.pop(self, None)
            try:
                self._action()
            finally:
                self._queue.close_later(self._noted)
