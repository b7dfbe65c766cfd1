"""Exchanges: a request, what became of it, and how a script is performed in answer to it."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from rxagent.testing.frames import DONE, Body, Chunk, chunks_of, frame, whole
from rxagent.testing.scenarios import Ending, Item, Reply, Script

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["Exchange", "Performance", "ReceivedRequest"]


@frozen
class ReceivedRequest:
    """A request as it came: its path with query, its headers in lower case, its parsed body."""

    path: str
    headers: Mapping[str, str]
    body: Body


@define(eq=False)
class Exchange:
    """A request and what became of it; it changes while the server works, until it has `ended`.

    `sent` counts the chunks that were written, `[DONE]` aside.
    `outcome` is None while the exchange is open, then one of completed, hung up (by the client),
    aborted (by the scenario), failed (the scenario raised), closed (with the server).
    """

    request: ReceivedRequest
    sent: int = 0
    outcome: str | None = None
    ended: threading.Event = field(factory=threading.Event, repr=False)

    @property
    def completed(self) -> bool:
        """Whether the client was there until all was sent."""
        return self.outcome == "completed"

    @property
    def hung_up(self) -> bool:
        """Whether the client closed the connection before all was sent."""
        return self.outcome == "hung up"


class Performance:
    """A script being performed in answer to one request."""

    def __init__(
        self, request: "web.Request", exchange: Exchange, changed: threading.Condition
    ) -> None:
        self.aborted = False
        self._request = request
        self._exchange = exchange
        self._changed = changed
        self.response: web.StreamResponse | None = None

    async def give(self, script: Script) -> "web.StreamResponse":
        """Send what the script says, as a stream or as one reply, and return when all is sent."""
        streamed = bool(self._exchange.request.body.get("stream"))
        return await (self._stream(script) if streamed else self._tell(script))

    async def _stream(self, script: Script) -> "web.StreamResponse":
        body = self._exchange.request.body
        async with aclosing(_played(script)) as items:
            async for item in items:
                match item:
                    case Reply():
                        return await self._reply(item)
                    case Ending.ABORT:
                        return await self._abort()
                    case Ending.QUIET:
                        return await self._end(b"")
                    case bytes():
                        await self._send(item)
                    case dict():
                        await self._send(frame(body, item))
        return await self._end(DONE)

    async def _tell(self, script: Script) -> "web.StreamResponse":
        """Say at once what the script says one by one."""
        body = self._exchange.request.body
        said = b""
        async with aclosing(_played(script)) as items:
            async for item in items:
                match item:
                    case Reply():
                        return await self._reply(item)
                    case Ending.ABORT:
                        return await self._abort()
                    case bytes():
                        said += item
                    case dict():
                        said += frame(body, item)
        try:
            reply = whole(body, chunks_of(said))
        except ValueError:
            return await self._reply(Reply(200, said.decode(errors="replace")))
        return await self._reply(Reply(200, reply))

    async def _open(self) -> "web.StreamResponse":
        from aiohttp import web

        if self.response is None:
            headers = {"Content-Type": "text/event-stream; charset=utf-8"}
            self.response = web.StreamResponse(headers=headers)
            await self.response.prepare(self._request)
        return self.response

    async def _send(self, data: bytes) -> None:
        response = await self._open()
        await response.write(data)
        with self._changed:
            self._exchange.sent += data.count(b"data:")
            self._changed.notify_all()
        # The loop must have its turn, or a hang-up goes unnoticed while the script is in haste.
        await asyncio.sleep(0)

    async def _end(self, data: bytes) -> "web.StreamResponse":
        response = await self._open()
        await response.write_eof(data)
        return response

    def fail(self, reply: Reply) -> "web.StreamResponse":
        """Return a reply in place of what could not be given; break off one that has begun."""
        from aiohttp import web

        if self.response is None:
            return web.json_response(reply.body, status=reply.status)
        if (transport := self._request.transport) is not None:
            transport.close()
        return self.response

    async def _abort(self) -> "web.StreamResponse":
        response = await self._open()
        self.aborted = True
        if (transport := self._request.transport) is not None:
            while transport.get_write_buffer_size():
                await asyncio.sleep(0.001)
            transport.abort()
        return response

    async def _reply(self, reply: Reply) -> "web.StreamResponse":
        from aiohttp import web

        text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        headers = {"Content-Type": "application/json"} | dict(reply.headers)
        response = web.Response(status=reply.status, body=text.encode(), headers=headers)
        await response.prepare(self._request)
        await response.write_eof()
        return response


async def _played(script: Script) -> AsyncGenerator[Chunk | bytes | Reply | Ending, None]:
    """Yield what a script yields, and keep its pauses."""
    items = script if isinstance(script, AsyncIterable) else _one_by_one(script)
    try:
        async for item in items:
            if isinstance(item, (int, float)):
                await asyncio.sleep(item)
            else:
                yield item
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()


async def _one_by_one(items: Iterable[Item]) -> AsyncGenerator[Item, None]:
    try:
        for item in items:
            yield item
    finally:
        if isinstance(items, Generator):
            items.close()
