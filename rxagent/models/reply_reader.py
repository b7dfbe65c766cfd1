"""ReplyReader: reads the items of a reply as deltas, and when to stop waiting for more of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol, TypeAlias, TypeVar

from ..errors import ModelError
from ..events import Delta, ReasoningDelta
from ..streams.fairness import REST, Rest

__all__ = ["ReplyReader", "is_news", "read_reply", "until_silence"]

_SILENCE = 2.0
"""Seconds of silence after which a reply that has its finish reason is over."""

_FAILURE_WITHIN = 10.0
"""Seconds in which the body of a failed reply is read, though more of it keeps coming."""

_FAILURE_MOST = 1 << 18
"""Bytes of the body of a failed reply that are read."""

_T = TypeVar("_T")
_In = TypeVar("_In", contravariant=True)

_Lost: TypeAlias = Callable[[Exception], ModelError]
"""Returns what an error means that comes while a reply is read."""

_END_WITHIN = 0.05
"""Seconds in which a server may end a settled stream; if it does, the connection serves the next
request, else it is closed."""


class ReplyReader(Protocol[_In]):
    """Reads the items of one reply, streamed or whole, as its deltas.

    Items are bytes, as the network has cut them, or what an SDK makes of them. Its reports of usage
    are increments, and name the model that was requested.
    """

    @property
    def is_finished(self) -> bool:
        """Whether the answer is whole, though its usage, or another call, may follow."""

    @property
    def is_settled(self) -> bool:
        """Whether the end of the reply was marked, so that nothing more will follow."""

    @property
    def received(self) -> int:
        """How much was received that is news; what only keeps a connection open counts nothing."""

    @property
    def is_cut(self) -> bool:
        """Whether the last event may lack its end."""

    def is_whole(self) -> bool:
        """Return whether the reply is whole, or failed, if it ends with the items so far."""

    def feed(self, item: _In, /) -> Iterator[Delta | Rest]:
        """Yield the deltas that an item completes.

        Raises:
            ModelError: The item reports an error, or cannot be read.
        """

    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, at the end of the items.

        Raises:
            ModelError: The reply is not whole.
        """


def is_news(delta: Delta | Rest) -> bool:
    """Return whether a delta says anything; what is kept of an empty part does not."""
    return delta is not REST and not (isinstance(delta, ReasoningDelta) and not delta.text)


async def read_reply(
    opening: AbstractAsyncContextManager[tuple[AsyncIterator[_T], ReplyReader[_T]]], lost: _Lost
) -> AsyncIterator[Iterable[Delta | Rest]]:
    """Yield the deltas of one reply, in batches that arrived together.

    Args:
        opening: Sends the request, gives the items of its reply and their reader, and closes both.
            No item is empty.
        lost: Returns what an error means that comes while the reply is read.
    """
    async with opening as (items, reader):
        now = asyncio.get_running_loop().time
        received, until = -1, 0.0
        while not reader.is_finished:
            if received != reader.received:
                received, until = reader.received, now() + _SILENCE
            if not (item := await _next(items, reader, until, lost)):
                break
            yield reader.feed(item)
        else:
            async for item in _after_the_finish(items, reader):
                yield reader.feed(item)
        yield reader.end()
        await _drain(items)


async def _next(
    items: AsyncIterator[_T], reader: ReplyReader[_T], until: float, lost: _Lost
) -> _T | None:
    """Return the next item; None at the end."""
    try:
        if reader.is_cut:
            return await _next_or_silence(items, reader, until)
        return await anext(items, None)
    except Exception as error:
        raise lost(error) from error


async def _next_or_silence(
    items: AsyncIterator[_T], reader: ReplyReader[_T], until: float
) -> _T | None:
    """Return the next item; None also where those before it suffice, and no news follows.

    Args:
        items: The items.
        reader: Their reader.
        until: When the silence is over; signs of life do not lengthen it.
    """

    def end_if_whole() -> None:
        if reader.is_whole():
            limit.reschedule(loop.time())

    loop = asyncio.get_running_loop()
    limit = asyncio.timeout(None)
    try:
        async with limit:
            timer = loop.call_at(until, end_if_whole)
            try:
                return await anext(items, None)
            finally:
                timer.cancel()
    except TimeoutError:
        if limit.expired():
            return None
        raise


async def _after_the_finish(items: AsyncIterator[_T], reader: ReplyReader[_T]) -> AsyncIterator[_T]:
    """Yield the items behind the finish reason, until the reply is settled or the server silent.

    They may hold the usage, further calls and further text, as some servers send a finish reason
    with each chunk. A call that has begun may take longer. Signs of life do not lengthen the wait.
    """
    now = asyncio.get_running_loop().time
    received, until = -1, 0.0
    while not reader.is_settled:
        if received != reader.received:
            received, until = reader.received, now() + _SILENCE
        try:
            async with asyncio.timeout_at(until if reader.is_finished else None):
                item = await anext(items, None)
        except Exception:  # a whole answer cannot break, and `end` reports one that is not
            return
        if not item:
            return
        yield item


async def until_silence(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the pieces of a failed reply's body, until they end or nothing but blanks comes.

    What describes a failure is short: no more than its beginning is read, and not for long.
    """
    now = asyncio.get_running_loop().time
    parts = aiter(pieces)
    last, left = now() + _FAILURE_WITHIN, _FAILURE_MOST
    until = min(now() + _SILENCE, last)
    while True:
        try:
            async with asyncio.timeout_at(until) as limit:
                piece = await anext(parts, None)
        except TimeoutError:
            if limit.expired():
                return
            raise
        if piece is None:
            return
        if piece.strip():
            until = min(now() + _SILENCE, last)
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


async def _drain(items: AsyncIterator[object]) -> None:
    """Read to the end, so that the connection may serve another request, if that is quick."""
    with suppress(Exception):
        async with asyncio.timeout(_END_WITHIN):
            async for _ in items:
                pass
