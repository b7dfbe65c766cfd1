"""Jobs: the functions that the threads of a pool run, and which of them hold a slot."""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from threading import get_ident
from time import monotonic
from typing import Any

from ..errors import PoolExhausted, describe
from .usage import own_clock

__all__ = ["Job", "Jobs", "here", "knowing_its_job", "names", "parent"]

_log = logging.getLogger("rxagent")


class Job:
    """A function that a pool runs.

    Attributes:
        what: Its name in logs and errors.
        parent: The job within which it was submitted, as long as that runs.
    """

    __slots__ = (
        "_abandon",
        "begun",
        "clock",
        "is_reported",
        "parent",
        "refused",
        "run",
        "thread",
        "what",
    )

    def __init__(
        self,
        run: Callable[[], object],
        what: object,
        refused: Callable[[PoolExhausted], object] | None,
        abandon: Callable[["Job"], None],
        parent: "Job | None" = None,
    ) -> None:
        self.parent = parent
        self.run: Callable[[], object] | None = run  # None: it has begun, or never will
        self.begun: Callable[[], object] | None = None  # what was to run, once it has begun
        self.what = what
        self.refused = refused
        self.thread = 0  # the number of the thread that runs it
        self.clock: int | None = None  # counts that thread's computing time
        self.is_reported = False
        self._abandon = abandon

    def abandon(self) -> None:
        """Stop waiting for the job.

        A job that has not begun never will. One that runs goes on, but no longer takes the place
        of others. It is safe to call this from any thread, signal handler or finaliser.
        """
        self._abandon(self)

    def ancestors(self) -> Iterator["Job"]:
        """Iterate over the job's parent, that one's parent, and so on."""
        job = self
        while (parent := job.parent) is not None:
            job = parent
            yield job

    def __repr__(self) -> str:
        return f"<Job {_name(self)}>"


class Jobs:
    """The jobs of a pool; used with the pool's lock held, except `add` and `free`.

    Every count is the length of a collection whose operations are atomic, so that a signal handler
    or a finaliser may add and abandon jobs amid a change, on the same thread.

    Args:
        limit: How many jobs have a slot; those that wait or were abandoned need none.
        spare: How many may run beyond that: in place of jobs that are blocked, wait, or were
            abandoned.
        kept: How many of the spare ones are kept for jobs within others, as long as some wait.
    """

    def __init__(self, limit: int, spare: int, kept: int = 0) -> None:
        self._limit = limit
        self._spare = spare
        self._kept = kept
        self._queue: deque[Job] = deque()
        self._nested: deque[Job] = deque()  # those within others, which come first
        self.running: dict[Job, None] = {}
        self.waiting: set[Job] = set()  # those that wait for a run
        self.abandoned: dict[Job, float] = {}  # since when
        self.overdue: dict[Job, float] = {}  # since when; to be reported
        self.added = 0  # slots
        self.begun = self.ended = 0

    def add(self, job: Job) -> None:
        """Queue a job."""
        (self._queue if job.parent is None else self._nested).append(job)

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
    def ready(self) -> int:
        """How many of the jobs that have not begun may begin now."""
        free = self.free
        if free <= 0:
            return 0
        within = min(_length(self._nested), free)
        return within + max(0, min(_length(self._queue), min(free, self._room) - within))

    @property
    def live(self) -> int:
        """How many jobs run that neither wait nor were abandoned."""
        return len(self.running) - len(self.waiting) - len(self.abandoned)

    @property
    def free(self) -> int:
        """How many slots are free; a job keeps its own when no spare one can replace it."""
        given_up = min(len(self.abandoned) + len(self.waiting), self._spare - self.added)
        return self._limit + self.added - len(self.running) + given_up

    @property
    def _room(self) -> int:
        """How many jobs may begin that are not within others."""
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

    def begin(self) -> Job | None:
        """Return the next job, which this thread is to run; None if none may begin."""
        while self.ready > 0:
            try:
                job = (self._nested or self._queue).popleft()
            except IndexError:
                return None
            self.running[job] = None
            job.thread = get_ident()
            job.clock = own_clock()
            job.begun, job.run = job.run, None
            if job.begun is not None:
                job.refused = None
                self.begun += 1
                return job
            self.end(job)  # it was abandoned
        return None

    def end(self, job: Job) -> None:
        """Give up the job's slot. An added slot stays while as many jobs run as then."""
        job.thread = 0
        job.parent = None
        self.abandoned.pop(job, None)
        self.overdue.pop(job, None)
        self.waiting.discard(job)
        self.running.pop(job, None)
        if self.added:
            self.added = max(0, min(self.added, self.live - self._limit + 1))

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
            _refuse(job, error)

    def refuse_deepest(self) -> bool:
        """Refuse the job nested deepest, if every running job waits for one within it to begin;
        return whether that was so."""
        queued = [job for job in self._nested.copy() if job.run and job.refused]
        stuck = set(self.running) - set(self.abandoned)
        for job in queued:
            stuck.difference_update(job.ancestors())
        if stuck or not queued:
            return False
        deepest = max(queued, key=lambda job: sum(1 for _ in job.ancestors()))
        error = PoolExhausted(
            f"All {len(self.running)} threads of the pool run code that waits for code within it, "
            f"and none is left for that: {names(self.running)}. "
            "Nest calls less deeply, or give the pool more spare threads."
        )
        _refuse(deepest, error)
        return True


def _length(queue: deque[Job]) -> int:
    """Return how many jobs wait in a queue, at most; 0 if there are none."""
    try:
        while (first := queue[0]).run is None:  # abandoned
            with suppress(ValueError):
                queue.remove(first)
    except IndexError:
        return 0
    return len(queue)


def _refuse(job: Job, error: PoolExhausted) -> None:
    refused, job.refused = job.refused, None
    if refused is None:
        return
    job.run = None
    try:
        refused(error)
    except Exception as fault:
        _log.error("%s could not be refused: %s", _name(job), describe(fault))


def names(jobs: Iterable[Job]) -> str:
    """Return the names of the most frequent jobs, and how often each occurs."""
    counts = Counter(map(_name, jobs))
    shown = [f"{name} ({count})" if count > 1 else name for name, count in counts.most_common(5)]
    return ", ".join(shown) + (", ..." if len(counts) > 5 else "")


def _name(job: Job) -> str:
    try:
        return str(job.what)
    except Exception:  # of a viewer's own __repr__
        return type(job.what).__name__


here = threading.local()
"""Its `at` is the pool and the job that this thread runs, if there is one."""

_within: ContextVar["Job | None"] = ContextVar("rxagent_within", default=None)


def parent() -> "Job | None":
    """Return the job that this thread runs, or within which this context was copied."""
    at: tuple[Any, Job] | None = getattr(here, "at", None)
    return at[1] if at else _within.get()


def knowing_its_job(work: Callable[[], None]) -> None:
    """Run some work, so that jobs submitted in this context, or a copy, have it as parent."""
    _within.set(parent())
    work()
