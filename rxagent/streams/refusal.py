"""Refusal: which job gives way when all threads of a pool may wait for one another."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from ..errors import PoolExhausted, describe
from .job import Job, name_of, names
from .nesting import may_all_wait

__all__ = ["refuse", "refuse_deepest", "refuse_newest"]

_log = logging.getLogger("rxagent")

_ADVICE = "Nest calls less deeply, or give the pool more spare threads."


def refuse(job: Job, error: PoolExhausted) -> None:
    """Refuse a job that has not begun; one that cannot be refused goes on waiting."""
    refused, job.refused = job.refused, None
    if refused is None:
        return
    job.run = None
    try:
        refused(error)
    except Exception as fault:
        _log.error("%s could not be refused: %s", name_of(job), describe(fault))


def refuse_deepest(stuck: Collection[Job], queued: Iterable[Job]) -> bool:
    """Refuse the job nested deepest, if every running job waits for one within it to begin.

    Args:
        stuck: The jobs that run.
        queued: Those that are known to be within others.

    Returns:
        Whether that was so.
    """
    refusable = [job for job in queued if job.run and job.refused]
    if not refusable or _without_ancestors(stuck, refusable):
        return False
    deepest = max(refusable, key=lambda job: sum(1 for _ in job.ancestors()))
    error = PoolExhausted(
        f"All {len(stuck)} threads of the pool run code that waits for code within it, "
        f"and none is left for that: {names(stuck)}. {_ADVICE}"
    )
    refuse(deepest, error)
    return True


def refuse_newest(stuck: Collection[Job], queued: Collection[Job]) -> bool:
    """Refuse the job of the latest run, if every running job may wait for one that has not begun.

    Args:
        stuck: The jobs that run.
        queued: Those that have not begun.

    Returns:
        Whether that was so.
    """
    newest = max((job for job in queued if job.refused), key=lambda job: job.born, default=None)
    others = (*stuck, *queued)
    if newest is None or not may_all_wait(_without_ancestors(stuck, queued), others):
        return False
    error = PoolExhausted(
        f"All {len(stuck)} threads of the pool are blocked, as it seems by code that waits for "
        f"code within it, and none is left for that: {names(stuck)}. {_ADVICE}"
    )
    refuse(newest, error)
    return True


def _without_ancestors(stuck: Iterable[Job], queued: Iterable[Job]) -> set[Job]:
    left = set(stuck)
    for job in queued:
        left.difference_update(job.ancestors())
    return left
