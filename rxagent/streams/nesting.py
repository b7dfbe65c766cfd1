"""Nesting: the job for which a thread works, and so does what was started there."""

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .jobs import Job

__all__ = ["here", "knowing_its_job", "parent"]

here = threading.local()
"""Its `at` is the pool and the job that this thread runs, if there is one."""

_within: ContextVar["Job | None"] = ContextVar("rxagent_within", default=None)


def parent() -> "Job | None":
    """Return the job that this thread runs, or within which this context was made."""
    at: tuple[Any, Job] | None = getattr(here, "at", None)
    return at[1] if at else _within.get()


def knowing_its_job(work: Callable[[], None]) -> None:
    """Run some work; what it starts in this context, or a copy of it, is known to be within."""
    _within.set(parent())
    work()
