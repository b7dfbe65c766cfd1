"""The shared pool on which synchronous tools and models work."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["WORKERS", "Workers"]

_here = threading.local()


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
        self._free = 0
        self._waiting = 0

    def submit(self, job: Callable[[], None]) -> None:
        """Run a job, which must not raise, as soon as a worker is free."""
        with self._changed:
            self._jobs.append(job)
            self._provide()

    def _provide(self) -> None:
        if self._free >= len(self._jobs):
            self._changed.notify()
        elif self._threads - self._waiting < self._limit:
            self._threads += 1
            self._free += 1
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
            self._changed.notify()

    def _work(self) -> None:
        _here.pool = self
        while True:
            with self._changed:
                while not self._jobs or self._threads - self._waiting > self._limit:
                    if not self._changed.wait(self._idle) and not self._jobs:
                        self._threads -= 1
                        self._free -= 1
                        return
                self._free -= 1
                job = self._jobs.popleft()
            job()
            del job
            with self._changed:
                self._free += 1

    @property
    def busy(self) -> int:
        """How many jobs are being worked on or wait for a worker."""
        with self._changed:
            return self._threads - self._free + len(self._jobs)

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
            if pool._jobs:
                pool._provide()
        try:
            yield
        finally:
            with pool._changed:
                pool._waiting -= 1


WORKERS = Workers()
