"""Cancelling: how long until the server sees the connection close."""

import asyncio
from collections.abc import Iterator
from statistics import median
from time import perf_counter

from attrs import frozen

from rxagent.testing import ScriptedServer
from rxagent.testing.server import Exchange

from .row import Row
from .sides import Ours, Sdk

__all__ = ["rows"]

CASES = {
    "while it speaks": ("slow", 2),
    "while it is silent": ("stall", 2),
    "before its headers": ("stall-headers", 0),
}
"""A model for each case, and how many of its chunks arrive before the run is cancelled."""


def rows(_: str, quick: bool) -> Iterator[Row]:
    """Measure with a server in this process, which records when the connection closes."""
    with ScriptedServer() as server:
        ours, sdk = Ours(server.url), Sdk(server.url)
        for case, (model, chunks) in CASES.items():
            mine, theirs = [], []
            for _ in range(5 if quick else 20):
                mine.append(_ours(server, ours, model, chunks))
                theirs.append(sdk.run(_theirs(server, sdk, model, chunks)))
            taken = [seen.milliseconds for seen in mine]
            more = sum(seen.more for seen in mine)
            yield Row(
                f"hang-up seen, {case}",
                median(taken),
                "ms",
                "at most 10 ms",
                median(taken) <= 10 and not more,
                f"{max(taken):.1f} at most; {more} chunks sent after it",
                median(seen.milliseconds for seen in theirs),
            )
        sdk.close()


@frozen
class _Seen:
    """A closed connection: after how many seconds, and after how many sent chunks."""

    milliseconds: float
    exchange: Exchange
    sent: int

    @property
    def more(self) -> int:
        """The number of chunks sent since."""
        return self.exchange.sent - self.sent


def _ours(server: ScriptedServer, side: Ours, model: str, chunks: int) -> _Seen:
    known = len(server.exchanges)
    run = side.start(model).run
    exchange = _begun(server, known, chunks)
    began = perf_counter()
    run.cancel()
    return _seen(exchange, began)


async def _theirs(server: ScriptedServer, side: Sdk, model: str, chunks: int) -> _Seen:
    known = len(server.exchanges)
    task = asyncio.ensure_future(side.open(model, lambda: None))
    exchange = await asyncio.to_thread(_begun, server, known, chunks)
    seeing = asyncio.get_running_loop().run_in_executor(None, _seen, exchange, perf_counter())
    task.cancel()
    return await seeing


def _begun(server: ScriptedServer, known: int, chunks: int) -> Exchange:
    exchange = server.wait_request(known + 1)
    server.wait_until(lambda: exchange.sent >= chunks)
    return exchange


def _seen(exchange: Exchange, began: float) -> _Seen:
    exchange.ended.wait(2)
    return _Seen((perf_counter() - began) * 1e3, exchange, exchange.sent)
