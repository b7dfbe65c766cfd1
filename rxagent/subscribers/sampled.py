"""Sampled: the latest state of a run, as often as a screen can show it."""

from collections import deque
from collections.abc import Callable
from functools import cached_property, partial
from threading import Lock
from typing import Any

from reactivex import abc
from reactivex.disposable import SerialDisposable

from ..events import Event
from ..runs.replay import ReplayLog
from ..runs.viewer_pool import VIEWER_POOL
from ..state import State
from ..streams import RunScheduler, daemon_loop

__all__ = ["sampled"]


def sampled(
    tell: Callable[[State], Any],
    every: float = 0.033,
    scheduler: abc.SchedulerBase | None = None,
) -> abc.ObserverBase[Event]:
    """Return an observer of one run that tells a function its latest state, not too often.

    The first event is told at once, what follows after a while, and the end when it comes. While
    the function is busy nobody waits for it.

    Args:
        tell: Called with a State; never twice at the same time.
        every: The fewest seconds from one call to the next; the last call need not wait.
        scheduler: Keeps the time, and calls when that has come; by default a thread for viewers
            does.
    """
    return _Sampled(tell, every, scheduler)


class _Sampled(abc.ObserverBase[Event]):
    def __init__(
        self, tell: Callable[[State], Any], every: float, scheduler: abc.SchedulerBase | None
    ) -> None:
        self._tell = tell
        self._every = every
        self._scheduler = scheduler
        self._replay_log = ReplayLog(State(), "nothing")
        self._timer = SerialDisposable()
        self._earliest = 0.0
        self._due = False
        self._news = False
        self._fault: Exception | None = None
        self._actions: deque[Callable[[], None]] = deque()
        self._token = Lock()

    @cached_property
    def _run_scheduler(self) -> RunScheduler:
        return (
            RunScheduler.of(self._scheduler)
            if self._scheduler
            else RunScheduler(loop=daemon_loop())
        )

    def on_next(self, event: Event) -> None:
        self._replay_log.add(event)
        self._news = True
        if not self._due:
            self._in_turn(self._arrange)
        self._raise()

    def on_error(self, error: Exception) -> None:
        self._replay_log.fail(error)
        self._news = True
        self.on_completed()

    def on_completed(self) -> None:
        self._timer.dispose()
        self._in_turn(self._show)
        self._raise()

    def _in_turn(self, action: Callable[[], None]) -> None:
        """Run an action once those before it have ended, here or on the thread that runs them."""
        self._actions.append(action)
        while self._actions and self._token.acquire(False):
            try:
                while self._actions:
                    self._actions.popleft()()
            except Exception as fault:
                self._fault = fault
            finally:
                self._token.release()

    # What follows happens in turn, so that one call ends before another begins.

    def _arrange(self) -> None:
        if self._due:
            return
        self._due = True
        wait = self._earliest - self._run_scheduler.time()
        if wait <= 0:
            self._show()
        else:
            self._timer.disposable = self._run_scheduler.schedule_relative(wait, self._ring)

    def _ring(self, *_: Any) -> None:
        if self._scheduler:
            self._in_turn(self._show)
        else:
            VIEWER_POOL.call(partial(self._in_turn, self._show))

    def _show(self) -> None:
        self._due = False
        if self._news:
            self._news = False
            self._earliest = self._run_scheduler.time() + self._every
            self._tell(self._replay_log.state)

    def _raise(self) -> None:
        """Raise what the function has raised, to whom we are attached."""
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def __repr__(self) -> str:
        return f"sampled({self._tell!r}, {self._every})"
