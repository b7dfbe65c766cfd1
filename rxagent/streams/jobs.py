"""Jobs: what the threads of a pool run, and the books of which of them hold a slot."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import get_ident
from time import monotonic

from ..errors import PoolExhausted, describe
from .usage import own_clock

__all__ = ["Job", "Jobs", "names"]

_log = logging.getLogger("rxagent")


class Job:
    """A function that a pool runs.

    Attributes:
        what: Its name in logs and errors.
    """

    __slots__ = ("_abandon", "begun", "clock", "is_reported", "refused", "run", "thread", "what")

    def __init__(
        self,
        run: Callable[[], object],
        what: object,
        refused: Callable[[PoolExhausted], object] | None,
        abandon: Callable[["Job"], None],
    ) -> None:
        self.run: Callable[[], object] | None = run  # None: it has begun, or never will
        self.begun: Callable[[], object] | None = None  # what was to run, once it has begun
        self.what = what
        self.refused = refused
        self.thread = 0  # the number of the thread that runs it
        self.clock: int | None = None  # what counts the time for which that computes
        self.is_reported = False
        self._abandon = abandon

    def abandon(self) -> None:
        """Stop waiting for the job.

        A job that has not begun never will. One that runs goes on, but no longer takes the place
        of others. It is safe to call this from any thread, signal handler or finaliser.
        """
        self._abandon(self)

    def __repr__(self) -> str:
        return f"<Job {_name(self)}>"


class Jobs:
    """The jobs of a pool; used with the pool's lock held, but for `add` and `free`.

    Every count is the length of a collection whose operations are atomic, so that a signal handler
    or a finaliser may add and abandon jobs amid a change, on the same thread.

    Args:
        limit: How many jobs have a slot; those that wait or were abandoned need none.
        spare: How many slots may be added for jobs that are blocked, or lost to abandoned ones.
    """

    def __init__(self, limit: int, spare: int) -> None:
        self._limit = limit
        self._spare = spare
        self._queue: deque[Job] = deque()
        self.running: dict[Job, None] = {}
        self.waiting: set[Job] = set()  # those which said that they wait
        self.abandoned: dict[Job, float] = {}  # since when
        self.overdue: dict[Job, float] = {}  # since when; to be reported
        self.added = 0  # slots
        self.begun = self.ended = 0

    def add(self, job: Job) -> None:
        """Queue a job."""
        self._queue.append(job)

    @property
    def queued(self) -> list[Job]:
        """The jobs that have not begun."""
        return [job for job in self._queue.copy() if job.run is not None]

    @property
    def due(self) -> int:
        """How many jobs have not begun, at most; 0 if there are none."""
        queue = self._queue
        try:
            while (first := queue[0]).run is None:  # abandoned
                with suppress(ValueError):
                    queue.remove(first)
        except IndexError:
            return 0
        return len(queue)

    @property
    def live(self) -> int:
        """How many jobs hold a slot by right."""
        return len(self.running) - len(self.waiting) - len(self.abandoned)

    @property
    def free(self) -> int:
        """How many slots are free; an abandoned job keeps its own if there is no spare one."""
        abandoned = len(self.abandoned)
        busy = len(self.running) - len(self.waiting) - min(abandoned, self._spare - self.added)
        return self._limit + self.added - busy

    @property
    def is_full(self) -> bool:
        """Whether no slot can be added."""
        return self.added + len(self.abandoned) >= self._spare

    def add_slots(self, count: int) -> None:
        """Add slots, if there are any to spare."""
        self.added += max(0, min(count, self._spare - self.added - len(self.abandoned)))

    def begin(self) -> Job | None:
        """Return the next job, which this thread is to run."""
        while True:
            try:
                job = self._queue.popleft()
            except IndexError:
                return None
            self.running[job] = None
            job.thread = get_ident()
            job.clock = own_clock()
            job.begun, job.run = job.run, None
            if job.begun is not None:
                self.begun += 1
                return job
            self.end(job)  # it was abandoned

    def end(self, job: Job) -> None:
        """Give the job's slot up. A slot that was added stays while as many jobs run as then."""
        job.thread = 0
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
        """Return how many jobs have not returned so many seconds after they were abandoned."""
        until = monotonic() - grace
        return sum(since <= until for since in tuple(self.abandoned.values()))

    def report(self, grace: float) -> list[Job]:
        """Return the jobs that are overdue by so many seconds, each once."""
        until = monotonic() - grace
        late = [job for job, since in tuple(self.overdue.items()) if since <= until]
        for job in late:
            self.overdue.pop(job, None)
        late = [job for job in late if not job.is_reported]
        for job in late:
            job.is_reported = True
        return late

    def refuse(self, error: PoolExhausted) -> None:
        """Refuse all that wait; one that cannot be refused goes on waiting."""
        for job in self.queued:
            refused, job.refused = job.refused, None
            if refused is not None:
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
