"""The first request of a process: how long it blocks the client's event loop.

`python -m benchmarks.first_request SIDE URL` is such a process, and prints the longest gaps between
the beats of its loop: in the first request, in the next one, and in one with another key; and the
longest garbage collection, which holds all threads, and so is part of the first gap.
"""

import asyncio
import gc
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from statistics import median
from time import perf_counter
from typing import Any

from .heart import Heart
from .row import Row

__all__ = ["rows"]

MODEL = "tokens-20"
TASK = "How much is 2 + 3?"
REST = 0.05
"""Seconds in which the loop beats before and after each request."""


def rows(url: str, quick: bool) -> Iterator[Row]:
    """Compare the longest gaps, in wall-clock time, in fresh processes."""
    ours, sdk = (
        [_gaps(side, url) for _ in range(1 if quick else 10)] for side in ("rxagent", "sdk")
    )
    first, known, new, collection = (median(gaps) for gaps in zip(*ours, strict=True))
    worst = max(gaps[0] for gaps in ours)
    yield Row(
        "first request of a process, loop held",
        first,
        "ms",
        "at most 50 ms",
        first <= 50,
        f"wall-clock, at worst {worst:.0f}, the longest garbage collection "
        f"{collection:.0f}; then a known client {known:.0f}, a new one {new:.0f}",
        median(gaps[0] for gaps in sdk),
    )


def _gaps(side: str, url: str) -> tuple[float, ...]:
    command = [sys.executable, "-m", "benchmarks.first_request", side, url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(map(float, said.split()))


async def _beaten(ask: Callable[[str], Awaitable[object]]) -> None:
    pauses, began = [0.0], [0.0]

    def note(phase: str, _: dict[str, Any]) -> None:
        now = perf_counter()
        if phase == "start":
            began[0] = now
        else:
            pauses.append((now - began[0]) * 1e3)

    gc.callbacks.append(note)
    for key in ("none", "none", "other"):
        heart = Heart()
        await asyncio.sleep(REST)
        await ask(key)
        await asyncio.sleep(REST)
        heart.stop()
        print(heart.by_the_clock)
    print(max(pauses))


async def _ours(url: str) -> None:
    from rxagent import Agent
    from rxagent.models import OpenAIModel

    agents = {
        key: Agent(OpenAIModel(MODEL, api_base=url, api_key=key)) for key in ("none", "other")
    }
    await _beaten(lambda key: agents[key].start(TASK))


async def _sdk(url: str) -> None:
    """Send a request with the SDK as its documentation shows, imported on first use."""
    clients = {}

    async def ask(key: str) -> None:
        from openai import AsyncOpenAI

        if key not in clients:
            clients[key] = AsyncOpenAI(base_url=url, api_key=key)
        messages = [{"role": "user", "content": TASK}]
        stream = await clients[key].chat.completions.create(
            model=MODEL, messages=messages, stream=True
        )
        async for _ in stream:
            pass

    await _beaten(ask)
    for client in clients.values():
        await client.close()


if __name__ == "__main__":
    asyncio.run({"rxagent": _ours, "sdk": _sdk}[sys.argv[1]](sys.argv[2]))
