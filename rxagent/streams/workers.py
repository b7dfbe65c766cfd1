"""Workers: the threads on which synchronous tools and models run."""

from __future__ import annotations

from functools import partial
from typing import Any

from .cpu_usage import PoolSnapshot
from .elastic import ElasticThreads

__all__ = ["WORKERS", "Workers"]

_BUSY, _THROTTLED = 10, 50
"""How many times longer the pool waits when it cannot be sure: when something else in the process
computes (so its loop may be late with what blocked jobs wait for), and when jobs compute a little
(because they poll, or because the system gives them no more time)."""


class Workers(ElasticThreads):
    """Run the plain functions of an agent, its tools, models and checks, on threads.

    All agents share a pool of 16 threads. Give an agent a pool of its own,
    ``Agent(workers=Workers(limit=32))``, if more of its functions must run at once, or if they
    must not delay those of other agents.

    Each call of a function is a job. At most `limit` jobs run at once; further ones wait. There
    are up to `spare` more threads, on which jobs run in place of:

    - Jobs that were stopped and have not returned. If `spare` of them have not returned `grace`
      seconds after they were stopped, the pool accepts no more jobs.
    - Jobs that wait for a run, as `agent.run` and `run.result` do.
    - Jobs that are blocked in another way: if for `patience` seconds no job has begun or ended
      while jobs wait and the process is idle, one more job begins.

    So jobs that wait for other jobs do not block the pool. While jobs wait for runs, half of the
    spare threads are kept for the jobs of these runs. If every thread has a job that waits for
    jobs of its own, the most deeply nested job is refused with PoolExhausted.

    When a job waits for a run by a thread of its own, as an executor's, the pool cannot know that.
    So if all these threads are taken and blocked, jobs of runs that were started meanwhile get up
    to `reserve` more threads, the latest first. If these are taken as well, and no job has begun
    or ended for `stall` seconds, the latest of these jobs is refused with PoolExhausted, provided
    that every running job may be waiting for one whose run was started after it began. So jobs
    that wait behind slow ones go on waiting, unless as many later ones wait as there are threads.

    Args:
        limit: How many jobs run at once.
        spare: How many threads there may be beyond the limit.
        reserve: How many more there may be, for jobs that may be within blocked ones.
        patience: Seconds without progress after which the pool grows by a thread.
        idle: Seconds without work after which a thread ends.
        grace: Seconds after which a stopped job that has not returned is logged, and counts as
            one of those for which the pool takes no more jobs; `lost` counts it at once.
        stall: Seconds without progress after which a job is refused that others may wait for.
        name: The name of the threads.

    Raises:
        ValueError: `limit` or `spare` is less than 1, or another number is negative.
    """

    _refuses_early = True

    def __init__(
        self,
        limit: int = 16,
        *,
        spare: int = 256,
        reserve: int = 64,
        patience: float = 0.02,
        idle: float = 10.0,
        grace: float = 1.0,
        stall: float = 5.0,
        name: str = "rxagent-worker",
    ) -> None:
        for what, count, least in (
            ("limit", limit, 1),
            ("spare", spare, 1),
            ("reserve", reserve, 0),
        ):
            if not isinstance(count, int) or isinstance(count, bool):
                raise TypeError(f"{what} is a whole number of threads, not {count!r}.")
            if count < least:
                raise ValueError(f"{what} is at least {least}, not {count!r}.")
        times = {"patience": patience, "idle": idle, "grace": grace, "stall": stall}
        for what, seconds in times.items():
            if not seconds >= 0:
                raise ValueError(f"{what} is a number of seconds, not {seconds!r}.")
        kept = spare - spare // 2
        super().__init__(name, limit, spare, **times, kept=kept, reserve=reserve)
        self._stalled = 0  # for how many looks in a row no job began or ended

    def _more(self, before: PoolSnapshot, now: PoolSnapshot) -> int:
        if (before.begun, before.ended) != (now.begun, now.ended):
            self._stalled = 0
            return 0
        self._stalled += 1
        if before.is_idle_until(now):
            enough = 1
        elif before.is_blocked_until(now):
            enough = _BUSY
        elif before.is_slack_until(now):
            enough = _THROTTLED
        else:  # they compute
            self._stalled = 0
            return 0
        if self._stalled < enough:
            return 0
        self._stalled = 0
        return 1

    def __deepcopy__(self, _: object) -> Workers:
        return self  # copies share the threads

    def __reduce__(self) -> str | tuple[Any, ...]:
        if self is WORKERS:
            return "WORKERS"  # the pool of the other process
        settings: dict[str, Any] = {
            name: getattr(self, f"_{name}")
            for name in ("spare", "reserve", "patience", "idle", "grace", "stall", "name")
        }
        return partial(Workers, self._limit, **settings), ()


WORKERS = Workers()
"""The pool that the process shares."""
