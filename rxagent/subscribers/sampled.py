"""Sampled: the latest state of a run, at a limited rate."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cached_property, partial
from threading import Lock
from typing import Any

from reactivex import abc
from reactivex.disposable import SerialDisposable

from ..events import Event
from ..runs.event_log import EventLog
from ..runs.viewer_pool import VIEWER_POOL
from ..state import State
from ..streams import RunScheduler, daemon_loop

__all__ = ["sampled"]


def sampled(
    call: Callable[[State], Any],
    every: float = 0.033,
    scheduler: abc.SchedulerBase | None = None,
) -> abc.ObserverBase[Event]:
    """Return an observer of one run that calls a function with its latest state, at a limited rate.

    The first event and the end cause a call at once; events in between share a call every `every`
    seconds. The run does not wait for the function.

    Args:
        call: Called with a State; calls never overlap.
        every: The minimum seconds between calls; the last call does not wait.
        scheduler: The scheduler of the calls; by default a thread for attached observers.
    """
    return _Sampled(call, every, scheduler)


class _Sampled(abc.ObserverBase[Event]):
    def __init__(
        self, call: Callable[[State], Any], every: float, scheduler: abc.SchedulerBase | None
    ) -> None:
        self._call = call
        self._every = every
        self._scheduler = scheduler
        self._event_log = EventLog(State(), "nothing")
        self._timer = SerialDisposable()
        self._earliest = 0.0
        self._due = False
        self._changed = False
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
        self._raise()
        self._event_log.add(event)
        self._changed = True
        if not self._due:
            self._in_turn(self._arrange)
        self._raise()

    def on_error(self, error: Exception) -> None:
        self._event_log.fail(error)
        self._changed = True
        self.on_completed()

    def on_completed(self) -> None:
        self._timer.dispose()
        self._raise()
        self._in_turn(self._show)
        self._raise()

    def _in_turn(self, action: Callable[[], None]) -> None:
        """Run an action after the queued ones, here or on the thread that runs them."""
        self._actions.append(action)
        while self._actions and self._token.acquire(False):
            try:
                while self._actions:
                    self._actions.popleft()()
            except Exception as fault:
                self._fault = fault
            finally:
                self._token.release()

    # The following methods run in turn, so calls never overlap.

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
        if self._changed:
            self._changed = False
            self._earliest = self._run_scheduler.time() + self._every
            self._call(self._event_log.state)

    def _raise(self) -> None:
        """Raise the function's error into the run, which detaches this observer."""
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def __repr__(self) -> str:
        return f"sampled({self._call!r}, {self._every})"
