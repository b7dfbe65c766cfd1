"""Scenarios: what the scripted server sends, chosen by the name of the model.

A scenario is a function of the parsed request body that yields, plainly or asynchronously,
what happens next:

- a dict is a chunk of the answer,
- bytes are sent unchanged,
- a number is a pause, in seconds,
- a `Reply` is a whole HTTP reply,
- an `Ending` ends the answer without `[DONE]`.

It should depend on the request alone, so that requests can be repeated.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import aclosing
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import field, frozen

from .frames import DONE, Body, Chunk, chunks_of, frame, saying, whole

if TYPE_CHECKING:
    from aiohttp import web

__all__ = [
    "SCRIPTS",
    "Ending",
    "Item",
    "Performance",
    "Reply",
    "Scenario",
    "Scenarios",
    "Script",
    "paced",
    "scenario",
    "scripted",
]


class Ending(Enum):
    """How an answer may end without `[DONE]`."""

    QUIET = "the body ends"
    EARLY = "the body ends, and one that is not streamed is half there"
    ABORT = "the connection breaks"
    REFUSE = "the connection breaks before there is a reply"
    HALF_CLOSE = "nothing more is sent, and the connection stays open for the client's side"


@frozen
class Reply:
    """A whole HTTP reply; a body that is no text is sent as JSON."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(factory=dict)


Item = Chunk | bytes | float | Reply | Ending
"""What happens next."""

Script = AsyncIterable[Item] | Iterable[Item]
"""All that happens in answer to one request."""

Scenario = Callable[..., Script]
"""A function of the body and of the numbers in its name."""

S = TypeVar("S", bound=Scenario)

SCRIPTS: dict[str, Scenario] = {}
"""The scenarios of every server, by name; capitals in a name stand for numbers."""


def scenario(name: str) -> Callable[[S], S]:
    """Register a scenario of every server."""

    def register(function: S) -> S:
        SCRIPTS[name] = function
        return function

    return register


def scripted(
    name: str, what: str, items: Iterable[Item], reason: str | None = "stop"
) -> Callable[[Body], Iterable[Item]]:
    """Register a scenario of every server that sends the same items each time.

    The role goes before them, reason and usage after them, unless the reason is None.
    """
    sent = list(items)

    def script(body: Body) -> Iterable[Item]:
        return sent if reason is None else saying(body, sent, reason)

    script.__doc__ = what
    return scenario(name)(script)


def paced(items: Iterable[Item], seconds: float) -> Iterable[Item]:
    """Put a pause before each item."""
    for item in items:
        yield seconds
        yield item


class Scenarios:
    """The scenarios of one server, by name; capitals in a name stand for numbers.

    Any of them can fail at first: `429-then-plain` fails the first request,
    `503x3-then-plain` the first three. Only these failures are counted.
    """

    def __init__(self, known: Mapping[str, Scenario]) -> None:
        self._known = dict(known)
        self._requests: Counter[str] = Counter()

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def add(self, name: str, scenario: Scenario) -> None:
        """Add a scenario before the others."""
        self._known = {name: scenario} | {k: v for k, v in self._known.items() if k != name}

    def find(self, name: str) -> Callable[[Body], Script] | None:
        """Return the scenario of a name, with its numbers, or None."""
        if name in self._known:
            return self._known[name]
        for known, scenario in self._known.items():
            if match := _pattern(known).fullmatch(name):
                numbers = [float(text) if "." in text else int(text) for text in match.groups()]
                return _filled(scenario, numbers)
        if match := re.fullmatch(r"(.+?)(?:x(\d+))?-then-(.+)", name):
            failure, times, then = match.groups()
            self._requests[name] += 1
            return self.find(failure if self._requests[name] <= int(times or 1) else then)
        return None


def _filled(scenario: Scenario, numbers: list[float]) -> Callable[[Body], Script]:
    return lambda body: scenario(body, *numbers)


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"[A-Z]+", r"(\\d+(?:\\.\\d+)?)", re.escape(name)))


class Performance:
    """A script that is performed in answer to one request.

    Args:
        request: The request.
        body: Its parsed body.
        is_stream: Whether the answer is streamed.
        wrote: Receives the number of chunks after each write.
    """

    def __init__(
        self,
        request: web.Request,
        body: Body,
        is_stream: bool,
        wrote: Callable[[int], object],
    ) -> None:
        self.aborted = False
        self.response: web.StreamResponse | None = None
        self._request = request
        self._body = body
        self._is_stream = is_stream
        self._wrote = wrote

    async def give(self, script: Script) -> web.StreamResponse:
        """Send a script, as a stream or as one reply, and return when all is sent."""
        is_stream = self._is_stream
        said = b""
        async with aclosing(_played(script)) as items:
            async for item in items:
                match item:
                    case Reply():
                        return await self._reply(item)
                    case Ending.ABORT:
                        return await self._abort()
                    case Ending.REFUSE:
                        return self._refuse()
                    case Ending.HALF_CLOSE:
                        return await self._half_close()
                    case Ending.EARLY if not is_stream:
                        return await self._half(said)
                    case Ending.QUIET | Ending.EARLY if is_stream:
                        return await self._end(b"")
                    case bytes() | dict():
                        data = item if isinstance(item, bytes) else frame(self._body, item)
                        if is_stream:
                            await self._send(data)
                        else:
                            said += data
        if is_stream:
            return await self._end(DONE)
        try:
            reply = whole(self._body, chunks_of(said))
        except ValueError:
            return await self._reply(Reply(200, said.decode(errors="replace")))
        return await self._reply(Reply(200, reply))

    def fail(self, reply: Reply) -> web.StreamResponse:
        """Return an error reply; close the connection of an answer that has begun."""
        from aiohttp import web

        if self.response is None:
            return web.json_response(reply.body, status=reply.status)
        if (transport := self._request.transport) is not None:
            transport.close()
        return self.response

    async def _open(self) -> web.StreamResponse:
        from aiohttp import web

        if self.response is None:
            headers = {"Content-Type": "text/event-stream; charset=utf-8"}
            self.response = web.StreamResponse(headers=headers)
            await self.response.prepare(self._request)
        return self.response

    async def _send(self, data: bytes) -> None:
        response = await self._open()
        await response.write(data)
        self._wrote(data.count(b"data:"))
        # Without a turn of the loop, a script without pauses would not notice a closed connection.
        await asyncio.sleep(0)

    async def _end(self, data: bytes) -> web.StreamResponse:
        response = await self._open()
        await response.write_eof(data)
        return response

    async def _abort(self) -> web.StreamResponse:
        response = await self._open()
        self.aborted = True
        if (transport := self._request.transport) is not None:
            while transport.get_write_buffer_size():
                await asyncio.sleep(0.001)
            transport.abort()
        return response

    def _refuse(self) -> web.StreamResponse:
        from aiohttp import web

        self.aborted = True
        if (transport := self._request.transport) is not None:
            transport.abort()
        return self.response or web.Response()  # It is not sent any more.

    async def _half(self, said: bytes) -> web.StreamResponse:
        text = json.dumps(whole(self._body, chunks_of(said))) if said else ""
        return await self._reply(Reply(200, text[: len(text) // 2]))

    async def _half_close(self) -> web.StreamResponse:
        response = await self._open()
        self.aborted = True
        if (transport := self._request.transport) is not None and transport.can_write_eof():
            transport.write_eof()
            while not transport.is_closing():  # until the client closes its side
                await asyncio.sleep(0.01)
        return response

    async def _reply(self, reply: Reply) -> web.StreamResponse:
        from aiohttp import web

        text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        headers = {"Content-Type": "application/json"} | dict(reply.headers)
        response = web.Response(status=reply.status, body=text.encode(), headers=headers)
        await response.prepare(self._request)
        await response.write_eof()
        return response


async def _played(script: Script) -> AsyncGenerator[Chunk | bytes | Reply | Ending, None]:
    """Yield the items of a script, and wait for its pauses."""
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
