"""Elastic threads: a pool that grows while its jobs are blocked, and replaces lost threads."""

from __future__ import annotations

import logging
import os
import sys
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic, sleep

from ..errors import PoolExhausted
from .bells import Bells
from .cpu_usage import PoolSnapshot, computed
from .job import Job, names
from .jobs import Jobs
from .nesting import here, parent

__all__ = ["ElasticThreads"]

_log = logging.getLogger("rxagent")

_GLANCE = 0.1
"""Seconds after which a thread that watches looks whether any job still waits."""

_pools: weakref.WeakSet[ElasticThreads] = weakref.WeakSet()


class ElasticThreads(ABC):
    """Up to `limit` threads that run jobs, and up to `spare` more when those are blocked or lost.

    While jobs wait and all slots are taken, a thread without a job watches the others for
    `patience` seconds at a time; a subclass returns how many slots to add then. Threads without
    work end. There may be two more: one that watches, and one that waits to report lost jobs.

    Each change to the jobs is followed by `_provide`, which starts or wakes the threads needed.

    Args:
        name: The name of the threads.
        limit: How many jobs run at once, blocked and abandoned ones not counted.
        spare: How many threads there may be beyond the limit.
        kept: How many of these are kept for jobs within others, as long as some wait.
        patience: Seconds for which jobs wait before the pool checks whether it has to grow.
        idle: Seconds without work after which a thread ends.
        grace: Seconds after which a job that should have returned is reported.
        rest: Seconds for which a thread rests when it has run all jobs, so that jobs which arrive
            in quick succession cost one waking.
        reserve: How many more threads there may be, for jobs that may be within blocked ones.
        stall: Seconds without progress after which such a job is refused, if there are none left.
    """

    _refuses_early = False
    """Whether an exhausted pool refuses a job already when it is submitted."""

    def __init__(
        self,
        name: str,
        limit: int,
        spare: int,
        patience: float,
        idle: float,
        grace: float,
        rest: float = 0.0,
        kept: int = 0,
        reserve: int = 0,
        stall: float = inf,
    ) -> None:
        self._name = name
        self._limit = limit
        self._spare = spare
        self._kept = kept
        self._reserve = reserve
        self._stall = stall
        self._patience = patience
        self._idle = idle
        self._grace = grace
        self._rest = rest
        self._forget()
        _pools.add(self)

    def _forget(self) -> None:
        # Used directly, since Ctrl-C may come between entering a condition and its lock.
        self._lock = threading.RLock()
        self._has_ended = threading.Condition(self._lock)
        self._jobs = Jobs(self._limit, self._spare, self._kept, self._reserve)
        self._threads = 0
        self._coming: set[threading.Thread] = set()
        self._resting = 0
        self._logging = 0
        self._bells = Bells(self._lock)
        self._is_watched = self._is_reporting = self._was_full = self._is_awaited = False
        self._progress = 0, 0.0  # how many jobs had begun or ended when all threads were taken

    @property
    def size(self) -> int:
        """The number of threads."""
        return self._threads

    @property
    def busy(self) -> int:
        """How many jobs run, lost ones included, or wait for a thread."""
        with self._lock:
            return len(self._jobs.running) + len(self._jobs.queued)

    @property
    def queued(self) -> int:
        """How many jobs wait for a thread."""
        return len(self._jobs.queued)

    @property
    def lost(self) -> int:
        """How many jobs that were abandoned have not returned; each counts from that moment."""
        return len(self._jobs.abandoned)

    def __repr__(self) -> str:
        with self._lock:
            running = len(self._jobs.running) - self.lost
            return (
                f"<{type(self).__name__}: {running} running (limit {self._limit}), "
                f"{self.queued} queued, {self.lost} lost (at most {self._spare})>"
            )

    def submit(
        self,
        run: Callable[[], object],
        what: object = "a job",
        refused: Callable[[PoolExhausted], object] | None = None,
        born: int | None = None,
    ) -> Job:
        """Run a function, which must not raise, as soon as a thread is free.

        Args:
            run: The function.
            what: Its name in logs and errors.
            refused: Called instead of it, on any thread, when the pool is exhausted before the
                function has begun; it must not block.
            born: When its run was started, by `tick`; by default now.

        Raises:
            PoolExhausted: No thread will become free, or the pool takes no more jobs.
        """
        if self._refuses_early and (error := self._exhaustion()):
            raise error
        job = Job(run, what, refused, self._abandon, parent() if self._kept else None, born)
        self._jobs.add(job)
        # A thread that watches, rests or ends a job looks at the queue again.
        if (self._is_watched or self._resting) and not self._jobs.ready:
            return job
        try:
            with self._lock:
                self._provide()
        except BaseException:  # PoolExhausted, or Ctrl-C
            job.abandon()
            raise
        return job

    def is_idle(self, job: Job) -> bool:
        """Return whether a job has not begun, or waits for a run."""
        return job.run is not None or job in self._jobs.waiting

    def _abandon(self, job: Job) -> None:
        with self._lock:
            if self._jobs.abandon(job):
                self._provide_or_refuse()

    @staticmethod
    @contextmanager
    def waiting() -> Iterator[None]:
        """Let another job run in place of this thread's job, if it has one, within the block."""
        at: tuple[ElasticThreads, Job] | None = getattr(here, "at", None)
        if at is None or not at[0]._begin_wait(at[1]):
            yield
            return
        try:
            yield
        finally:
            at[0]._jobs.waiting.discard(at[1])

    def _begin_wait(self, job: Job) -> bool:
        with self._lock:
            gives_up = self._jobs.wait(job)
            if gives_up:
                self._provide_or_refuse()
            return gives_up

    # What there is to do. From here on, everything runs with the lock held.

    def _may_begin(self) -> bool:
        return self._jobs.ready > 0

    def _needs_watch(self) -> bool:
        jobs = self._jobs
        may_help = not (jobs.is_full and self._was_full) or jobs.due_within or jobs.due_perhaps
        return bool(may_help) and not self._is_watched and jobs.due > jobs.ready

    def _needs_report(self) -> bool:
        return not self._is_reporting and bool(self._jobs.overdue)

    def _wanted(self) -> int:
        """Return for how many threads that run no job there is something to do."""
        begin = watch = 0
        if due := self._jobs.due:
            begin = self._jobs.ready
            watch = due > begin and not self._is_watched and self._needs_watch()
        return begin + watch + (not self._is_reporting and bool(self._jobs.overdue))

    def _provide(self) -> None:
        """Start or wake a thread for each thing there is to do.

        Raises:
            PoolExhausted: No thread can be started, and none will become free.
        """
        wanted = self._wanted()
        if not wanted:
            return
        try:
            while wanted > self._spare_threads():
                self._start()
                wanted = self._wanted()
        except RuntimeError as error:  # the next change tries again
            if self._threads + len(self._coming) <= self.lost:
                raise PoolExhausted(f"No thread can be had: {error}.{self._jobs.losses}") from error
        self._bells.ring(wanted - self._spare_threads() + len(self._bells))

    def _spare_threads(self) -> int:
        return self._threads + len(self._coming) - len(self._jobs.running) - self._logging

    def _provide_or_refuse(self) -> None:
        try:
            self._provide()
        except PoolExhausted as error:
            self._jobs.refuse(error)

    def _start(self) -> None:
        if sys.is_finalizing():  # a thread would not start, and `start` would wait for it
            raise RuntimeError("the interpreter is ending")
        thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._coming.add(thread)
        try:
            thread.start()
        except BaseException:  # after Ctrl-C it may have started; it will end at once
            self._coming.discard(thread)
            raise

    # The threads.

    def _work(self) -> None:
        with self._lock:
            thread = threading.current_thread()
            if thread not in self._coming:
                return
            self._threads += 1
            self._coming.discard(thread)
            try:
                while self._do_something():
                    pass
            finally:
                self._threads -= 1
                self._provide_or_refuse()  # for jobs submitted while this thread was ending

    def _do_something(self) -> bool:
        if job := self._jobs.begin():
            self._run(job)
        elif self._needs_watch():
            self._watch()
        elif self._needs_report():
            self._report()
        else:
            return self._bells.sleep_until(lambda: self._wanted() > 0, self._idle)
        return True

    def _run(self, job: Job) -> None:
        jobs = self._jobs
        run, job.begun = job.begun, None
        assert run is not None
        self._provide_or_refuse()
        self._lock.release()
        here.at = self, job
        try:
            run()
        except BaseException:
            _log.exception("%s raised, which a job must not", job)
        finally:
            del run  # without the lock, since this may run finalisers
            here.at = None
            self._lock.acquire()
        job.thread = 0  # from now on, abandoning it changes nothing
        jobs.ended += 1
        if self._rest and job not in jobs.abandoned and not jobs.due:
            self._rest_a_while()
        jobs.end(job)
        self._was_full = self._was_full and bool(jobs.added or jobs.abandoned or jobs.waiting)
        if self._is_awaited:
            self._has_ended.notify_all()

    def _rest_a_while(self) -> None:
        self._resting += 1
        with self._bells.unlocked():
            sleep(self._rest)
        self._resting -= 1

    # Jobs that are blocked.

    def _watch(self) -> None:
        before = self._snapshot()
        self._is_watched = True
        until = monotonic() + self._patience
        while (left := until - monotonic()) > 0:
            if self._bells.sleep_until(self._may_begin, min(left, _GLANCE)) or not self._jobs.due:
                self._is_watched = False
                return
        self._is_watched = False
        more, jobs = self._more(before, self._snapshot()), self._jobs
        if not more:
            return
        if not jobs.is_full:
            jobs.add_slots(more)
        elif not jobs.open_place():
            if not jobs.refuse_deepest():
                self._note_full()
            return
        self._provide_or_refuse()

    def _note_full(self) -> None:
        """Refuse a job after some time without progress, if all may wait for it; log that once."""
        moved = self._jobs.begun + self._jobs.ended
        if self._progress[0] != moved:
            self._progress = moved, monotonic()
        if monotonic() - self._progress[1] >= self._stall and self._jobs.refuse_newest():
            self._progress = moved, monotonic()
        elif not self._was_full:
            self._was_full = True
            running = names(tuple(self._jobs.running))
            self._warn("All threads are taken, while others wait: %s. %s", running, self)

    def _snapshot(self) -> PoolSnapshot:
        jobs = self._jobs
        cpu: dict[Hashable, int] = {
            job: computed(job.clock)
            for job in tuple(jobs.running)
            if job.thread and job not in jobs.abandoned
        }
        return PoolSnapshot(jobs.begun, jobs.ended, jobs.due, cpu)

    @abstractmethod
    def _more(self, before: PoolSnapshot, now: PoolSnapshot) -> int:
        """Return how many slots to add, after jobs have waited from one snapshot to the other."""

    # Jobs that do not return.

    def _report(self) -> None:
        since = next(iter(self._jobs.overdue.values()))
        self._is_reporting = True
        self._bells.sleep_until(
            lambda: self._may_begin() or self._needs_watch(), since + self._grace - monotonic()
        )
        self._is_reporting = False
        late = self._jobs.report(self._grace)
        if not late:
            return
        if error := self._exhaustion():
            self._jobs.refuse(error)
        self._warn(
            "Still running, each on its own thread, %g s after it should have returned: %s. %s",
            self._grace,
            names(late),
            self,
        )

    def _warn(self, line: str, *values: object) -> None:
        self._logging += 1
        try:
            with self._bells.unlocked():
                _log.warning(line, *values)
        finally:
            self._logging -= 1

    def _exhaustion(self) -> PoolExhausted | None:
        """Return the error with which the pool refuses jobs, if it does."""
        if self.lost < self._spare or self._jobs.lost(self._grace) < self._spare:
            return None
        return PoolExhausted(
            f"The pool takes no more jobs.{self._jobs.losses} "
            "Give that code time-outs of its own, or the pool more spare threads."
        )


def _forget_all() -> None:
    """Reset all pools in a forked child: threads and their locks stay with the parent."""
    here.at = None
    for pool in tuple(_pools):
        pool._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
