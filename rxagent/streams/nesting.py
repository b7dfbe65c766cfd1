"""Nesting: within which job another one was submitted, as far as that can be known.

A job that is submitted on the thread of another one, or in a copy of its context, is known to be
within it. One of a run that was started on a thread of the user's own, as an executor's, may be
within any job that ran when the run was started; it cannot be within one that began later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from .job import Job

__all__ = ["here", "knowing_its_job", "may_all_wait", "parent"]

here = threading.local()
"""Its `at` is the pool and the job that this thread runs, if there is one."""

_within: ContextVar[Job | None] = ContextVar("rxagent_within", default=None)


def parent() -> Job | None:
    """Return the job that this thread runs, or within which this context was copied."""
    at: tuple[Any, Job] | None = getattr(here, "at", None)
    return at[1] if at else _within.get()


def knowing_its_job(work: Callable[[], None]) -> None:
    """Run some work, so that jobs submitted in this context, or a copy, have it as parent."""
    _within.set(parent())
    work()


def may_all_wait(stuck: Iterable[Job], others: Iterable[Job]) -> bool:
    """Return whether each of some jobs may wait for another job of its own, among others.

    If not, at least one of them waits for something else, which will come by itself.

    Args:
        stuck: Jobs that run.
        others: Jobs that run too, or have not begun.
    """
    begun = sorted((job.began for job in stuck), reverse=True)
    born = sorted((job.born for job in others), reverse=True)
    return len(begun) <= len(born) and all(a < b for a, b in zip(begun, born, strict=False))
