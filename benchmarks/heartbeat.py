"""The heartbeat of an event loop that reads streams whose bytes have arrived already."""

import asyncio
import gc
import time
from collections.abc import Iterator
from statistics import median

from .far_end import release
from .heart import Heart
from .row import Row
from .sides import Ours, Sdk

__all__ = ["held"]

ARRIVING = 1.0
"""Seconds in which the loop does nothing, so that the bytes of all streams arrive."""


def held(url: str, quick: bool) -> Iterator[Row]:
    """Measure the longest gap between the beats of a heart that beats every millisecond.

    A gap is measured in CPU time of this process, since others may take the rest of it.
    """
    sdk, ours = Sdk(url), Ours(url)
    for streams, count, most in ((20, 2_000, 15), (1_000, 100, 60)):
        model = f"held-1-{count}"
        hearts = [sdk.run(_beaten(url, ours, model, streams)) for _ in range(2 if quick else 6)][1:]
        theirs = sdk.run(_beaten(url, sdk, model, streams)) if streams == 20 else None
        longest = median(heart.longest for heart in hearts)
        wall = ", ".join(f"{heart.by_the_clock:.0f}" for heart in hearts)
        yield Row(
            f"event loop held, {streams:,} streams",
            longest,
            "ms",
            f"at most {most} ms",
            longest <= most,
            f"{count:,} deltas wait in each; of CPU; wall-clock {wall}",
            theirs and theirs.longest,
        )
    sdk.close()


async def _beaten(url: str, side: Ours | Sdk, model: str, streams: int) -> Heart:
    """Return a heart that has beaten since the bytes of all streams arrived."""
    begun = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as reading:
        for _ in range(streams):
            reading.create_task(side.open(model, begun.release))
        for _ in range(streams):
            await begun.acquire()
        release(url)
        gc.collect()  # its time grows with all the memory in use, not only with ours
        time.sleep(ARRIVING)
        heart = Heart()
    heart.stop()
    return heart
