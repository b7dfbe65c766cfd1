"""The processes in which the sandbox runs code: shared by this process, and reused.

.. code-block:: text

    take() ─ a process that is idle, or a new one ─ start(session) ─ … ─ give back ─ idle ─ end
                                                                    └─ kill()
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any

from ..streams.workers import Workers
from .sandbox_library import keep_for_ever, library

__all__ = ["THREADS", "WORKERS", "Worker", "WorkerPool"]

_GRACE = 0.05
"""Seconds after its limit in which code may end by itself, before its process is killed."""

_IDLE = 10.0
"""Seconds after which an idle process ends; the same as for threads."""

_MOST_IDLE = 16
"""How many idle processes are kept; each takes 7 MB."""

THREADS = Workers(max(4, os.cpu_count() or 1), spare=32, name="rxagent-worker-sandbox")
"""The threads that wait for code that runs, as many as should compute at once; code that waits for
a tool has none."""


class Worker:
    """One process, which has at most one session at a time.

    Making it starts the process, which takes 3 ms (measured on 2026-11-28).

    Args:
        ended: Called when it was killed.
    """

    def __init__(self, ended: Callable[[Worker], None] = lambda _: None) -> None:
        self._ended = ended
        self._pool: Any = library().Monty(
            min_processes=1,
            max_processes=1,
            feed_duration_limit_grace=_GRACE,
            turn_duration_limit_grace=None,
        )
        with _deaf_to_interrupts():
            self._pool.__enter__()
        self._session: Any = None
        self.pid: int | None = None
        self.is_dead = False
        self.idle_since = 0.0
        self._handle: int | None = None
        self._lock = threading.RLock()  # a finaliser may kill it, too

    def start(self, limits: dict[str, Any]) -> Any:
        """End the session that it had, and return a new one."""
        if self._session is not None:
            session, self._session = self._session, None
            session.__exit__(None, None, None)
        session = self._pool.checkout(limits=limits, os_policy={"sleep": "call_host"})
        with _deaf_to_interrupts():  # the process before it may have died
            session.__enter__()
        self._session = session
        self._know(session.worker_pid)
        return session

    def _know(self, pid: int) -> None:
        with self._lock:
            if pid == self.pid or self.is_dead:
                return
            self._forget_handle()
            self.pid = pid
            if hasattr(os, "pidfd_open"):  # unlike a number, it never means another process
                with suppress(OSError):
                    self._handle = os.pidfd_open(pid)

    def kill(self) -> None:
        """End the process at once, whatever it does; any thread may call this.

        The library notices and cleans up in the thread that waits for it, or when this is freed.
        """
        with self._lock:
            if self.is_dead:
                return
            self.is_dead = True
            with suppress(OSError):
                if self._handle is not None:
                    signal.pidfd_send_signal(self._handle, signal.SIGKILL)
                elif self.pid is not None:
                    os.kill(self.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            self._forget_handle()
        self._ended(self)

    def _forget_handle(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def keep_for_ever(self) -> None:
        """Leave the process to the parent, in a forked child."""
        self.is_dead = True
        for thing in (self, self._pool, self._session):
            if thing is not None:
                keep_for_ever(thing)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let a process that starts during the block ignore Ctrl-C, which is for this one alone."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class WorkerPool:
    """The processes of this process, those in use and those that are idle.

    Args:
        idle: Seconds after which an idle process ends.
        most_idle: How many idle ones are kept.
    """

    def __init__(self, idle: float = _IDLE, most_idle: int = _MOST_IDLE) -> None:
        self._idle_seconds = idle
        self._most_idle = most_idle
        self._lock = threading.Condition()
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._is_watched = False

    @property
    def size(self) -> int:
        """How many processes there are."""
        return len(self._all)

    @property
    def in_use(self) -> int:
        """How many of them have a session."""
        return len(self._all) - len(self._idle)

    def take(self) -> Worker:
        """Return a process that no other session uses: the one that became idle last, or a new one.

        It blocks while a new one starts.
        """
        with self._lock:
            if self._idle:
                return self._idle.pop()
        worker = Worker(self._lose)
        with self._lock:
            self._all.add(worker)
        return worker

    def give(self, worker: Worker) -> None:
        """Keep a process, which runs nothing, for other sessions."""
        with self._lock:
            if worker.is_dead or worker not in self._all:
                return
            worker.idle_since = monotonic()
            self._idle.append(worker)
            surplus = self._idle.pop(0) if len(self._idle) > self._most_idle else None
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(
                    target=self._watch, name="rxagent-worker-sandbox-idle", daemon=True
                ).start()
        if surplus is not None:
            surplus.kill()

    def _lose(self, worker: Worker) -> None:
        """Forget a process that was killed."""
        with self._lock:
            self._all.discard(worker)
            if worker in self._idle:
                self._idle.remove(worker)

    def _watch(self) -> None:
        """End what has been idle for too long, as long as something is idle."""
        while True:
            with self._lock:
                if not self._idle:
                    self._is_watched = False
                    return
                left = self._idle[0].idle_since + self._idle_seconds - monotonic()
                if left > 0:
                    self._lock.wait(left)
                    continue
                over = self._idle.pop(0)
            over.kill()

    def close_idle(self) -> None:
        """End the processes that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
            self._lock.notify_all()
        for worker in idle:
            worker.kill()

    def close(self) -> None:
        """End all processes, at the end of this one."""
        for worker in tuple(self._all):
            worker.kill()
        with self._lock:
            self._lock.notify_all()

    def forget(self) -> None:
        """Reset in a forked child: the processes stay with the parent."""
        for worker in self._all:
            worker.keep_for_ever()
        self._lock = threading.Condition()
        self._idle = []
        self._all = set()
        self._is_watched = False


WORKERS = WorkerPool()
"""The processes that all sandboxes of this process share."""

atexit.register(WORKERS.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=WORKERS.forget)
