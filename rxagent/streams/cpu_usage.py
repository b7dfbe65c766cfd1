"""CPU usage: whether the threads of this process compute, or are blocked."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from threading import get_ident

__all__ = ["PoolSnapshot", "computed", "own_clock"]

_clock_of = getattr(time, "pthread_getcpuclockid", None)


def own_clock() -> int | None:
    """Return the clock of this thread's computing time; None where there is none.

    A thread must get its own: for a thread that has ended, the system may crash on getting the
    clock, but only refuses to read it.
    """
    return _clock_of(get_ident()) if _clock_of else None


def computed(clock: int | None) -> int:
    """Return for how many nanoseconds a thread has computed, by its clock; 0 if it has ended."""
    if clock is None:
        return 0
    try:
        return time.clock_gettime_ns(clock)
    except OSError:
        return 0


class PoolSnapshot:
    """A snapshot of what a pool and its process have done so far.

    Args:
        begun: How many jobs have begun.
        ended: How many have ended.
        queued: How many wait.
        cpu: For how many nanoseconds the thread of each running job has computed.
    """

    __slots__ = ("_at", "_cpu", "_process", "begun", "ended", "queued")

    def __init__(self, begun: int, ended: int, queued: int, cpu: Mapping[Hashable, int]) -> None:
        self.begun = begun
        self.ended = ended
        self.queued = queued
        self._cpu = cpu
        self._at = time.perf_counter()
        self._process = time.process_time()

    def is_slack_until(self, now: PoolSnapshot) -> bool:
        """Return whether the process computed, or was allowed to, less than half of the time."""
        return now._process - self._process < (now._at - self._at) / 2

    def is_idle_until(self, now: PoolSnapshot) -> bool:
        """Return whether `is_slack_until` is true, and the jobs hardly computed at all."""
        computed = sum(now._cpu.get(job, cpu) - cpu for job, cpu in self._cpu.items())
        return self.is_slack_until(now) and computed < (now._at - self._at) / 10 * 1e9

    def is_blocked_until(self, now: PoolSnapshot) -> bool:
        """Return whether the thread of some job did not run at all.

        A thread that waits for the interpreter's lock runs a little, as it tries every 5 ms.
        """
        return any(now._cpu.get(job) == cpu for job, cpu in self._cpu.items())
