"""Errands: tasks of a run, each on its loop and in its context."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any

from reactivex import abc

from ..errors import RunCancelled
from .loop import closing, opening

if TYPE_CHECKING:
    from .home import Home

__all__ = ["Errand", "cancels_itself"]

_whose: ContextVar[object] = ContextVar("rxagent_whose")


class _Watched(asyncio.Task[None]):
    """A task that knows whether its own code has cancelled it, or anybody else has.

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


class Errand(abc.DisposableBase):
    """A task on a run's loop, from its asking to its end.

    Args:
        home: The run's.
        what: The task's name.
        work: Makes its coroutine.
        lost: Called when somebody else has cancelled it.
        is_watched: Whether the task notes that its own code cancels it; see `cancels_itself`.
    """

    __slots__ = (
        "_disposed",
        "_home",
        "_is_watched",
        "_lost",
        "_task",
        "_ticket",
        "_what",
        "_work",
    )

    def __init__(
        self,
        home: "Home",
        what: str,
        work: Callable[[], Coroutine[Any, Any, None]],
        lost: Callable[[], None],
        is_watched: bool = False,
    ) -> None:
        self._home = home
        self._is_watched = is_watched
        self._what = what
        self._work = work
        self._lost = lost
        self._task: asyncio.Task[None] | None = None
        self._disposed = False
        self._ticket = opening(what, home.loop, self.dispose)

    def begin(self) -> None:
        """Have the task begun.

        Raises:
            RunCancelled: The loop is closed.
        """
        if self._home.is_here:
            self._start()
        elif not self._home.soon(self._start):
            closing(self._ticket)
            raise RunCancelled("The event loop of this run is closed.")

    def _start(self) -> None:
        if self._disposed:
            closing(self._ticket)
            return
        loop, context = self._home.loop, self._home.context.copy()
        if self._is_watched:
            self._task = _Watched(self._work(), loop, self._what, context)
        else:
            self._task = loop.create_task(self._work(), name=self._what, context=context)
        self._task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._home.ended(self._ticket)
        if task.cancelled():
            if not self._disposed:
                self._lost()
        elif (fault := task.exception()) is not None:
            self._home.loop.call_exception_handler(
                {"message": f"{self._what} failed", "exception": fault, "task": task}
            )

    def dispose(self) -> None:
        """Cancel the task, unless it is the one that says so."""
        if self._disposed:
            return
        self._disposed = True
        if self._home.is_here:
            self._cancel()
        elif not self._home.soon(self._cancel):
            closing(self._ticket)

    def _cancel(self) -> None:
        # A cancelled task would cut short the first thing that its `finally` blocks await.
        if self._task is not None and self._task is not asyncio.current_task(self._home.loop):
            self._task.cancel()
