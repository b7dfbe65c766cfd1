"""Job: a function that a thread of a pool runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import count

from ..errors import PoolExhausted

__all__ = ["Job", "name_of", "names", "tick"]

tick: Callable[[], int] = count(1).__next__
"""Return a greater number at each call: what began later has the greater one."""


class Job:
    """A function that a pool runs.

    Attributes:
        what: Its name in logs and errors.
        parent: The job within which it is known to have been submitted, as long as that runs.
        born: When its run was started, by `tick`.
        began: When it began, likewise; 0 if it has not.
    """

    __slots__ = (
        "_abandon",
        "began",
        "begun",
        "born",
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
        abandon: Callable[[Job], None],
        parent: Job | None = None,
        born: int | None = None,
    ) -> None:
        self.parent = parent
        self.born = tick() if born is None else born
        self.began = 0
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

    def ancestors(self) -> Iterator[Job]:
        """Iterate over the job's parent, that one's parent, and so on."""
        job = self
        while (parent := job.parent) is not None:
            job = parent
            yield job

    def __repr__(self) -> str:
        return f"<Job {names([self])}>"


def names(jobs: Iterable[Job]) -> str:
    """Return the names of the most frequent jobs, and how often each occurs."""
    counts = Counter(map(name_of, jobs))
    shown = [f"{name} ({count})" if count > 1 else name for name, count in counts.most_common(5)]
    return ", ".join(shown) + (", ..." if len(counts) > 5 else "")


def name_of(job: Job) -> str:
    """Return the name of a job; its type's, if it cannot be made."""
    try:
        return str(job.what)
    except Exception:  # of a viewer's own __repr__
        return type(job.what).__name__
