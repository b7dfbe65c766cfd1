"""The heartbeat of an event loop, while streams are read whose bytes wait already."""

import asyncio
import time
from collections.abc import Iterator
from time import perf_counter

from .far_end import release
from .row import Row
from .sides import Ours, Sdk

__all__ = ["held"]

BEAT = 0.001
ARRIVING = 1.0
"""Seconds in which the loop does nothing, so that the bytes of all streams come to wait."""


def held(url: str, quick: bool) -> Iterator[Row]:
    """Measure the longest gap between the beats of a heart that beats every millisecond."""
    sdk, ours = Sdk(url), Ours(url)
    for streams, count, most in ((20, 2_000, 15), (1_000, 100, 60)):
        model = f"held-1-{count}"
        times = 2 if quick else 4
        gaps = [sdk.run(_gap(url, ours, model, streams)) * 1e3 for _ in range(times)][1:]
        theirs = sdk.run(_gap(url, sdk, model, streams)) * 1e3 if streams == 20 else None
        yield Row(
            f"event loop held, {streams:,} streams",
            max(gaps),
            "ms",
            f"at most {most} ms",
            max(gaps) <= most,
            f"the longest of {len(gaps)} times; {count:,} deltas wait in each",
            theirs,
        )
    sdk.close()


async def _gap(url: str, side: Ours | Sdk, model: str, streams: int) -> float:
    """Return the longest gap, in seconds, after all streams have begun and their bytes wait."""
    begun = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as reading:
        for _ in range(streams):
            reading.create_task(side.open(model, begun.release))
        for _ in range(streams):
            await begun.acquire()
        release(url)
        time.sleep(ARRIVING)
        heart = _Heart()
    heart.stop()
    return heart.longest


class _Heart:
    def __init__(self) -> None:
        self.longest = 0.0
        self._loop = asyncio.get_running_loop()
        self._latest = perf_counter()
        self._beat()

    def _beat(self) -> None:
        now = perf_counter()
        self.longest = max(self.longest, now - self._latest)
        self._latest = now
        self._next = self._loop.call_later(BEAT, self._beat)

    def stop(self) -> None:
        self._next.cancel()
