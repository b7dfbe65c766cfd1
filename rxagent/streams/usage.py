"""Usage: whether the threads of this process compute, or are blocked."""

import time
from collections.abc import Hashable, Mapping
from threading import get_ident

__all__ = ["Glimpse", "computed", "own_clock"]

_clock_of = getattr(time, "pthread_getcpuclockid", None)


def own_clock() -> int | None:
    """Return the clock that counts what this thread computes; None where there is none.

    A thread asks for its own: the system may crash on the number of one that has ended, and only
    refuses to read the clock of such a one.
    """
    return _clock_of(get_ident()) if _clock_of else None


def computed(clock: int | None) -> int:
    """Return how many nanoseconds a thread has computed, by its clock; 0 if it has ended."""
    if clock is None:
        return 0
    try:
        return time.clock_gettime_ns(clock)
    except OSError:
        return 0


class Glimpse:
    """What a pool and its process have done up to a moment.

    Args:
        begun: How many jobs have begun.
        ended: How many have ended.
        queued: How many wait.
        cpu: How many nanoseconds the thread of each running job has computed.
    """

    __slots__ = ("_at", "_cpu", "_process", "begun", "ended", "queued")

    def __init__(self, begun: int, ended: int, queued: int, cpu: Mapping[Hashable, int]) -> None:
        self.begun = begun
        self.ended = ended
        self.queued = queued
        self._cpu = cpu
        self._at = time.perf_counter()
        self._process = time.process_time()

    def is_slack_until(self, now: "Glimpse") -> bool:
        """Tell whether the process computed less than half of the time, or was given no more."""
        return now._process - self._process < (now._at - self._at) / 2

    def is_idle_until(self, now: "Glimpse") -> bool:
        """Tell whether it did, and the jobs hardly computed at all."""
        computed = sum(now._cpu.get(job, cpu) - cpu for job, cpu in self._cpu.items())
        return self.is_slack_until(now) and computed < (now._at - self._at) / 10 * 1e9

    def is_blocked_until(self, now: "Glimpse") -> bool:
        """Tell whether the thread of some job did not run at all.

        One that waits for the interpreter's lock runs a little, as it asks for it every 5 ms.
        """
        return any(now._cpu.get(job) == cpu for job, cpu in self._cpu.items())
