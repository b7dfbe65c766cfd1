"""The scheduler for foreign code that may block: it runs one action after the other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from reactivex import abc, typing
from reactivex.disposable import CompositeDisposable, SingleAssignmentDisposable

from .scheduler import ActionScheduler, RunScheduler

__all__ = ["WorkerScheduler"]


class WorkerScheduler(ActionScheduler):
    """A scheduler whose actions run on a worker, in order, in the context of a run.

    It uses the run's clock, and operators of rxagent that are subscribed with it find the run's
    scheduler. Disposing drops the actions that wait.
    """

    def __init__(self, run_scheduler: RunScheduler) -> None:
        self.run_scheduler = run_scheduler
        self._actions: deque[Callable[[], None]] = deque()
        self._lock = threading.RLock()
        self._is_running = False
        self._is_disposed = False
        self._leave: Callable[[], None] | None = None

    @property
    def now(self) -> datetime:
        """The time of the run, in UTC."""
        return self.run_scheduler.now

    def run_serialized(self, action: Callable[..., Any], *args: Any) -> None:
        """Run an action on a worker, after those that were scheduled before."""
        self._actions.append(partial(action, *args))
        with self._lock:
            if self._is_running or self._is_disposed:
                return
            self._is_running = True
        try:
            self._leave = self.run_scheduler.work("rxagent-source", self._run, self.dispose)
        except BaseException:
            self._is_running = False
            raise
        self._leave_if_disposed()

    def _run(self) -> None:
        while not self._is_disposed:
            action = self._next()
            if action is None:
                return
            try:
                action()
            except BaseException as fault:
                self.run_scheduler.fail(fault)

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            if self._actions:
                return self._actions.popleft()
            self._is_running = False
            return None

    def dispose(self) -> None:
        """Run no further action; the one that runs is not waited for."""
        self._is_disposed = True
        self._actions.clear()
        self._leave_if_disposed()

    def _leave_if_disposed(self) -> None:
        if self._is_disposed and self._leave is not None:
            self._leave()

    def schedule_relative(
        self,
        duetime: typing.RelativeTime,
        action: typing.ScheduledAction[Any],
        state: Any = None,
    ) -> abc.DisposableBase:
        """Run an action after some seconds, during which the run was not held."""
        result = SingleAssignmentDisposable()

        def due(*_: Any) -> None:
            self.run_serialized(self._act, result, action, state)

        return CompositeDisposable(self.run_scheduler.schedule_relative(duetime, due), result)
