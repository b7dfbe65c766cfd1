"""The scheduler with which a thread subscribes to what lives on the loop of a run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from threading import get_ident
from typing import Any

from reactivex import abc, typing

from .scheduler import ActionScheduler, RunScheduler

__all__ = ["subscribing_here"]


@contextmanager
def subscribing_here(run_scheduler: RunScheduler) -> Iterator[abc.SchedulerBase]:
    """Give the scheduler with which this thread subscribes in a block.

    As in ReactiveX, what is scheduled meanwhile runs here, at the end of the block: operators that
    subscribe to several streams schedule it, and what those emit afterwards must not be lost. What
    is scheduled later goes to the run's scheduler, and so do timers.
    """
    if run_scheduler.on_loop_thread:
        yield run_scheduler
        return
    scheduler = _HereScheduler(run_scheduler)
    try:
        yield scheduler
    finally:
        scheduler.run_all()


class _HereScheduler(ActionScheduler):
    """Runs what this thread schedules until `run_all` has returned, in order, and no timers."""

    def __init__(self, run_scheduler: RunScheduler) -> None:
        self.run_scheduler = run_scheduler
        self._thread: int | None = get_ident()
        self._actions: deque[Callable[[], None]] = deque()

    @property
    def now(self) -> datetime:
        """The time of the run, in UTC."""
        return self.run_scheduler.now

    def run_serialized(self, action: Callable[..., Any], *args: Any) -> None:
        """Run an action after those that were scheduled before it."""
        if self._thread == get_ident():
            self._actions.append(partial(action, *args))
        else:
            self.run_scheduler.run_serialized(action, *args)

    def run_all(self) -> None:
        """Run the actions; later ones go to the run's scheduler."""
        try:
            while self._actions:
                self._actions.popleft()()
        except Exception as fault:
            self.run_scheduler.fail(fault)
        finally:
            self._thread = None

    def schedule_relative(
        self,
        duetime: typing.RelativeTime,
        action: typing.ScheduledAction[Any],
        state: Any = None,
    ) -> abc.DisposableBase:
        """Run an action after some seconds, on the run's loop."""
        return self.run_scheduler.schedule_relative(duetime, action, state)
