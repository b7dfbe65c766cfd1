"""Jobs: those of a pool that run or wait, and which of them hold a slot."""

from __future__ import annotations

import logging
from collections import deque
from contextlib import suppress
from threading import get_ident
from time import monotonic

from ..errors import PoolExhausted
from .cpu_usage import own_clock
from .job import Job, names, tick
from .refusal import refuse, refuse_deepest, refuse_newest

__all__ = ["Jobs"]

_log = logging.getLogger("rxagent")


class Jobs:
    """The jobs of a pool; used with the pool's lock held, except `add` and `free`.

    Every count is the length of a collection whose operations are atomic, so that a signal handler
    or a finaliser may add and abandon jobs amid a change, on the same thread.

    Args:
        limit: How many jobs have a slot; those that wait or were abandoned need none.
        spare: How many may run beyond that: in place of jobs that are blocked, wait, or were
            abandoned.
        kept: How many of the spare ones are kept for jobs within others, as long as some wait.
        reserve: How many more may run, of jobs that may be within others, when all are blocked.
    """

    def __init__(self, limit: int, spare: int, kept: int = 0, reserve: int = 0) -> None:
        self._limit = limit
        self._spare = spare
        self._kept = kept
        self._reserve = reserve
        self._queue: deque[Job] = deque()
        self._nested: deque[Job] = deque()  # those within others, which come first
        self._perhaps: deque[Job] = deque()  # those in the queue that may be within others
        self.running: dict[Job, None] = {}
        self.waiting: set[Job] = set()  # those that wait for a run
        self.abandoned: dict[Job, float] = {}  # since when
        self.overdue: dict[Job, float] = {}  # since when; to be reported
        self.added = 0  # slots
        self.opened = 0  # places of the reserve
        self.begun = self.ended = 0

    def add(self, job: Job) -> None:
        """Queue a job."""
        if job.parent is not None:
            self._nested.append(job)
            return
        self._queue.append(job)
        if self._reserve and self._may_be_within(job):
            self._perhaps.append(job)

    def _may_be_within(self, job: Job) -> bool:
        """Return whether a job's run was started while one ran that still runs."""
        try:
            return next(iter(self.running)).began < job.born  # the first is the oldest
        except StopIteration:
            return False
        except RuntimeError:  # one has begun or ended right now
            return True

    @property
    def queued(self) -> list[Job]:
        """The jobs that have not begun."""
        waiting = (*self._nested.copy(), *self._queue.copy())
        return [job for job in waiting if job.run is not None]

    @property
    def due(self) -> int:
        """How many jobs have not begun, at most; 0 if there are none."""
        return _length(self._nested) + _length(self._queue)

    @property
    def due_within(self) -> int:
        """How many of these are within others."""
        return _length(self._nested)

    @property
    def due_perhaps(self) -> int:
        """How many of the others may be within some that run, at most; 0 if there are none."""
        _drop_last(self._perhaps)
        return _length(self._perhaps)

    @property
    def ready(self) -> int:
        """How many of the jobs that have not begun may begin now."""
        nested, queued = _length(self._nested), _length(self._queue)
        if not (nested or queued):
            return 0
        free, room = self.free, self._room
        if free <= 0:
            return 0
        within = min(nested, free)
        others = max(0, min(queued, free - self.opened - within, room - within))
        if self.opened and others < queued:
            room = min(free, room + self.opened) - within - others
            others += max(0, min(self.due_perhaps, queued - others, room))
        return within + others

    @property
    def live(self) -> int:
        """How many jobs run that neither wait nor were abandoned."""
        return len(self.running) - len(self.waiting) - len(self.abandoned)

    @property
    def free(self) -> int:
        """How many slots are free; a job keeps its own when no spare one can replace it."""
        free = self._limit + self.added + self.opened - len(self.running)
        if self.abandoned or self.waiting:
            free += min(len(self.abandoned) + len(self.waiting), self._spare - self.added)
        return free

    @property
    def _usual(self) -> int:
        """How many jobs may begin that are not within others, without the reserve."""
        return min(self.free - self.opened, self._room)

    @property
    def _room(self) -> int:
        """How many jobs may begin that are not within others, if they have slots."""
        kept = self._kept if self.waiting else 0
        return self._limit + self._spare - kept - len(self.running) + len(self.abandoned)

    @property
    def is_full(self) -> bool:
        """Whether no slot can be added for jobs that have not begun."""
        if self.added + len(self.abandoned) + len(self.waiting) >= self._spare:
            return True
        return self._room <= 0 and not self.due_within

    def add_slots(self, count: int) -> None:
        """Add slots, as far as there are spare ones."""
        spare = self._spare - self.added - len(self.abandoned) - len(self.waiting)
        self.added += max(0, min(count, spare))

    def open_place(self) -> bool:
        """Open a place of the reserve, for jobs that are or may be within blocked ones.

        Those that may be begin in the opposite order here: what came last waits for no other.
        While all that run wait for runs, none is opened for these: spare ones are kept for them.

        Returns:
            Whether there is such a job, and there was such a place.
        """
        is_blocked = len(self.running) > len(self.abandoned) + len(self.waiting)
        is_due = self.due_perhaps or (self.due_within and is_blocked)
        if not is_due or self.opened >= self._reserve:
            return False
        self.opened += 1
        self.add_slots(1 - self.free)  # of those that jobs took back after they had waited
        return True

    def begin(self) -> Job | None:
        """Return the next job, which this thread is to run; None if none may begin."""
        while self.ready > 0:
            try:
                job = self._next()
            except IndexError:
                return None
            if _has_begun(job):
                continue
            job.began = tick()
            self.running[job] = None
            job.thread = get_ident()
            job.clock = own_clock()
            job.begun, job.run = job.run, None
            if job.begun is not None:
                job.refused = None
                self.begun += 1
                return job
            self.end(job)  # it was abandoned right now
        return None

    def _next(self) -> Job:
        if self._nested:
            return self._nested.popleft()
        return self._queue.popleft() if self._usual > 0 else self._perhaps.pop()

    def end(self, job: Job) -> None:
        """Give up the job's slot. What was added stays while as many jobs run as then."""
        job.thread = 0
        job.parent = None
        self.abandoned.pop(job, None)
        self.overdue.pop(job, None)
        self.waiting.discard(job)
        self.running.pop(job, None)
        if self.added:
            self.added = max(0, min(self.added, self.live - self._limit + 1))
        if self.opened:
            is_calm = self.live <= self._limit
            self.opened = 0 if is_calm else max(0, min(self.opened, 2 - self._usual))

    def wait(self, job: Job) -> bool:
        """Note that a job waits; return whether that gives up a slot."""
        if job in self.waiting or job in self.abandoned or job not in self.running:
            return False
        self.waiting.add(job)
        return True

    def abandon(self, job: Job) -> bool:
        """Stop waiting for a job; return whether that gives up a slot."""
        job.run = job.refused = None  # it never begins, if it has not
        if job not in self.running or not job.thread or job in self.abandoned:
            return False
        self.waiting.discard(job)
        self.abandoned[job] = self.overdue[job] = monotonic()
        return True

    def lost(self, grace: float) -> int:
        """Return how many jobs have not returned `grace` seconds after they were abandoned."""
        until = monotonic() - grace
        return sum(since <= until for since in tuple(self.abandoned.values()))

    @property
    def losses(self) -> str:
        """A sentence on the jobs that were abandoned, behind a space; nothing without any."""
        lost = tuple(self.abandoned)
        return f" {len(lost)} stopped jobs have not returned: {names(lost)}." if lost else ""

    def report(self, grace: float) -> list[Job]:
        """Return the jobs that are overdue by `grace` seconds, each once."""
        until = monotonic() - grace
        late = [job for job, since in tuple(self.overdue.items()) if since <= until]
        for job in late:
            self.overdue.pop(job, None)
        late = [job for job in late if not job.is_reported]
        for job in late:
            job.is_reported = True
        return late

    def refuse(self, error: PoolExhausted) -> None:
        """Refuse all queued jobs; one that cannot be refused goes on waiting."""
        for job in self.queued:
            refuse(job, error)

    def refuse_deepest(self) -> bool:
        """Refuse the job nested deepest, if every running job waits for one within it to begin;
        return whether that was so."""
        return refuse_deepest(self._stuck, self._nested.copy())

    def refuse_newest(self) -> bool:
        """Refuse the job of the latest run, if every running job may wait for one that has not
        begun; return whether that was so."""
        return refuse_newest(self._stuck, self.queued)

    @property
    def _stuck(self) -> list[Job]:
        return [job for job in self.running.copy() if job not in self.abandoned]


def _has_begun(job: Job) -> bool:
    """Return whether a job that is queued has begun, from another queue, or was abandoned."""
    return job.run is None


def _length(queue: deque[Job]) -> int:
    """Return how many jobs wait in a queue, at most; 0 if there are none."""
    if not queue:
        return 0
    try:
        while _has_begun(first := queue[0]):
            with suppress(ValueError):
                queue.remove(first)
    except IndexError:
        return 0
    return len(queue)


def _drop_last(queue: deque[Job]) -> None:
    """Drop the last jobs of a queue that do not wait any more."""
    with suppress(IndexError):
        while _has_begun(queue[-1]):
            last = queue.pop()
            if not _has_begun(last):  # it was added right now
                queue.append(last)
