"""Where viewers run, and their time slice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic, perf_counter
from typing import Any, Literal, TypeAlias

from attrs import frozen

from ..streams import RunScheduler
from ..streams.cpu_usage import PoolSnapshot
from ..streams.elastic import ElasticThreads
from ..streams.fairness import FairShare
from ..streams.job import Job
from ..streams.process_end import at_script_end, awaited_at_end

__all__ = ["VIEWER_POOL", "Dispatch", "On", "ViewerPool", "dispatch"]


class ViewerPool(ElasticThreads):
    """Threads that viewers share: one as a rule, more when viewers are slow or blocked.

    A viewer that does not return keeps its thread, attached or not; others get another one. After
    `grace` seconds it is logged by name. Up to `spare` viewers may be blocked at once; when the
    last thread is taken, that is logged too.

    After each round a thread rests for a moment, so that events which arrive in quick succession
    cost one waking.

    Args:
        spare: How many threads there may be beyond one.
        patience: Seconds for which viewers may have to wait before threads are added.
        rest: Seconds for which a thread rests between rounds.
        idle: Seconds without work after which a thread ends.
        grace: Seconds after which a viewer that has not returned is logged, when others had to
            wait for it.
    """

    def __init__(
        self,
        spare: int = 1023,
        patience: float = 0.05,
        rest: float = 0.004,
        idle: float = 10.0,
        grace: float = 10.0,
    ) -> None:
        super().__init__("rxagent-viewer", 1, spare, patience, idle, grace, rest)

    def call(self, show: Callable[[], object], what: object = None) -> Job:
        """Call a function, which must not raise, on one of the threads; `what` names it in logs."""
        return self.submit(show, getattr(show, "__self__", show) if what is None else what)

    def finish(self, patience: float = 1.0) -> bool:
        """Wait until all calls have returned, or none began or returned for `patience` seconds.

        Returns:
            Whether anything was ever called.
        """
        jobs = self._jobs
        with self._lock:
            self._is_awaited = True
            moved = -1
            while self._is_unfinished() and moved != jobs.begun + jobs.ended:
                moved = jobs.begun + jobs.ended
                self._has_ended.wait_for(lambda: not self._is_unfinished(), patience)
            self._is_awaited = False
        return jobs.begun > 0

    def _is_unfinished(self) -> bool:
        return len(self._jobs.running) > self.lost or self._jobs.due > 0

    def _more(self, before: PoolSnapshot, now: PoolSnapshot) -> int:
        if before.ended == now.ended:
            for job in self._jobs.running:
                self._jobs.overdue.setdefault(job, monotonic())
            # Each thread that is added may be blocked at once as well, so they are doubled.
            computes = not before.is_idle_until(now) and not before.is_blocked_until(now)
            return 1 if computes else max(1, self._jobs.added)
        # Some return, but late. If they compute, another thread would only be in their way.
        return int(now.begun < before.begun + before.queued and before.is_idle_until(now))


VIEWER_POOL = ViewerPool()

# A script that ends lets its viewers receive all events first.
at_script_end(VIEWER_POOL.finish)

On: TypeAlias = Literal["thread", "loop"]

_TURN = 0.005


@frozen
class Dispatch:
    """Where a viewer is notified.

    Attributes:
        call: Schedules a function call there.
        turn: Begins a time slice; returns when it is over, by `perf_counter`.
        is_gone: Returns whether nothing is called there any more.
    """

    call: Callable[[Callable[[], None]], Any]
    turn: Callable[[], float]
    is_gone: Callable[[], bool]


def dispatch(on: str, scheduler: RunScheduler) -> Dispatch:
    """Return the dispatch to the viewer pool's threads, or to a run's loop.

    Raises:
        ValueError: `on` is neither.
    """
    if on == "thread":
        return _ON_THREADS
    if on == "loop":
        loop, share = scheduler.loop, FairShare.of(scheduler.loop)
        call = partial(awaited_at_end, "rxagent-viewer", loop, scheduler.call_on_loop)
        return Dispatch(call, lambda: share.until, loop.is_closed)
    raise ValueError(f"on is 'thread' or 'loop', not {on!r}.")


_ON_THREADS = Dispatch(VIEWER_POOL.call, lambda: perf_counter() + _TURN, lambda: False)
