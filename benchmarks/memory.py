"""Memory: the cost of one more run while 200 are open, in a fresh process for each side.

`python -m benchmarks.memory SIDE URL` is such a process, and prints the bytes.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from .far_end import release
from .row import Row
from .sides import Ours, Sdk

__all__ = ["rows"]

MANY = 200
RECEIVED = 100


def rows(url: str, quick: bool) -> Iterator[Row]:
    """Compare the growth of the process for each of many unfinished answers."""
    if not _STATM.exists():
        return
    both = [(_grown("ours", url), _grown("sdk", url)) for _ in range(1 if quick else 3)]
    mine, theirs = (median(side) / 1024 for side in zip(*both, strict=True))
    yield Row(
        f"memory of a run, {MANY} open",
        mine,
        "KiB",
        "at most 0.70 x",
        mine <= 0.7 * theirs,
        f"resident, after {RECEIVED} deltas in each",
        theirs,
        mine / theirs,
    )


def _grown(side: str, url: str) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", side, url]
    return float(subprocess.run(command, check=True, capture_output=True).stdout)


_STATM = Path("/proc/self/statm")


def _resident() -> int:
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _open(side: Ours | Sdk, url: str) -> float:
    """Return the bytes that each of many unfinished answers takes."""
    model = f"held-{RECEIVED}-{RECEIVED}"

    async def read(times: int) -> int:
        received = asyncio.Semaphore(0)
        async with asyncio.TaskGroup() as reading:
            for _ in range(times):
                reading.create_task(side.open(model, received.release))
            for _ in range(times * RECEIVED):
                await received.acquire()
            resident = _resident()
            release(url)
        return resident

    await read(1)
    before = await read(1)
    return (await read(MANY) - before) / (MANY - 1)


def main(name: str, url: str) -> None:
    """Print the bytes that one more run of a side takes."""
    sdk = Sdk(url)
    print(sdk.run(_open(sdk if name == "sdk" else Ours(url), url)))
    sdk.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
