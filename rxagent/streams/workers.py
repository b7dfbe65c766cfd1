"""The shared pool on which synchronous tools and models work."""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["WORKERS", "Workers"]

_here = threading.local()

_log = logging.getLogger("rxagent")


class Workers:
    """A pool of at most `limit` busy threads, whose idle ones end after `idle` seconds.

    A worker that waits for work it asked for is not counted while it waits, so that work within
    work never waits for a slot its parent holds.
    """

    def __init__(self, limit: int = 16, idle: float = 10.0, name: str = "rxagent-worker") -> None:
        self._name = name
        self._limit = limit
        self._idle = idle
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._changed = threading.Condition()
        self._jobs: deque[Callable[[], None]] = deque()
        self._threads = 0
        self._working = 0
        self._waiting = 0

    @property
    def busy(self) -> int:
        """How many jobs are being worked on or wait for a worker."""
        with self._changed:
            return self._working + len(self._jobs)

    def submit(self, job: Callable[[], None]) -> None:
        """Run a job, which must not raise, as soon as a worker is free."""
        with self._changed:
            self._jobs.append(job)
            self._provide()

    @staticmethod
    @contextmanager
    def waiting() -> Iterator[None]:
        """Give up the slot of the worker we are on, if we are on one, while the block waits."""
        pool: Workers | None = getattr(_here, "pool", None)
        if pool is None:
            yield
            return
        with pool._changed:
            pool._waiting += 1
            pool._provide()
        try:
            yield
        finally:
            with pool._changed:
                pool._waiting -= 1

    def _provide(self) -> None:
        """See to it that somebody takes the job that may be begun by now, if there is one."""
        slots = self._limit - (self._working - self._waiting)
        if self._threads - self._working < min(len(self._jobs), slots):
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
            self._threads += 1
        else:
            self._changed.notify()

    def _may_begin(self) -> bool:
        return bool(self._jobs) and self._working - self._waiting < self._limit

    def _work(self) -> None:
        _here.pool = self
        while True:
            with self._changed:
                if not self._changed.wait_for(self._may_begin, self._idle):
                    self._threads -= 1
                    return
                self._working += 1
                job = self._jobs.popleft()
            try:
                job()
            except BaseException:
                _log.exception("a job raised, which it must not")
            del job
            with self._changed:
                self._working -= 1


WORKERS = Workers()
