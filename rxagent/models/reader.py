"""Reader: reads the bytes of a reply as deltas, and when to stop waiting for more of them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

from ..events import Delta
from ..streams.fairness import Rest
from .errors import ErrorFactory

__all__ = ["Reader", "read_reply"]

_SILENCE = 2.0
"""Seconds of silence after which a reply that has its finish reason is over."""

_END_WITHIN = 0.05
"""Seconds in which a server may end a settled stream; if it does, the connection serves the next
request, else it is closed."""


class Reader(Protocol):
    """Reads the bytes of one reply, streamed or whole, as its deltas."""

    @property
    def is_finished(self) -> bool:
        """Whether the answer is whole, though its usage, or another call, may follow."""

    @property
    def is_settled(self) -> bool:
        """Whether the end of the reply was marked, so that nothing more will follow."""

    @property
    def received(self) -> int:
        """How many events have arrived; a comment, which keeps a connection open, is none."""

    @property
    def is_cut(self) -> bool:
        """Whether the last event may lack its end."""

    def is_whole(self) -> bool:
        """Return whether the reply is whole, or failed, if it ends with the bytes so far."""

    def feed(self, data: bytes, /) -> Iterator[Delta | Rest]:
        """Yield the deltas that these bytes complete.

        Raises:
            ModelError: The bytes report an error, or cannot be read.
        """

    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, at the end of the bytes.

        Raises:
            ModelError: The reply is not whole.
        """


async def read_reply(
    opening: AbstractAsyncContextManager[tuple[AsyncIterator[bytes], Reader]],
    errors: ErrorFactory,
) -> AsyncIterator[Iterable[Delta | Rest]]:
    """Yield the deltas of one reply, in batches that arrived together.

    Args:
        opening: Sends the request, gives the bytes of its reply and their reader, and closes both.
        errors: Makes the errors.
    """
    async with opening as (chunks, reader):
        while not reader.is_finished and (chunk := await _next(chunks, reader, errors)):
            yield reader.feed(chunk)
        async for chunk in _after_the_finish(chunks, reader):
            yield reader.feed(chunk)
        yield reader.end()
        await _drain(chunks)


async def _next(chunks: AsyncIterator[bytes], reader: Reader, errors: ErrorFactory) -> bytes:
    """Return the next bytes; none at the end."""
    try:
        return await (_next_or_silence(chunks, reader) if reader.is_cut else anext(chunks, b""))
    except Exception as error:
        raise errors.lost("broke off before its reply was whole", error) from error


async def _next_or_silence(chunks: AsyncIterator[bytes], reader: Reader) -> bytes:
    """Return the next bytes; none also where those before them suffice, and none follow."""

    def end_if_whole() -> None:
        if reader.is_whole():
            limit.reschedule(loop.time())

    loop = asyncio.get_running_loop()
    limit = asyncio.timeout(None)
    try:
        async with limit:
            timer = loop.call_later(_SILENCE, end_if_whole)
            try:
                return await anext(chunks, b"")
            finally:
                timer.cancel()
    except TimeoutError:
        if limit.expired():
            return b""
        raise


async def _after_the_finish(chunks: AsyncIterator[bytes], reader: Reader) -> AsyncIterator[bytes]:
    """Yield the bytes behind the finish reason, until the reply is settled or the server silent.

    They may hold the usage, further calls and further text, as some servers send a finish reason
    with each chunk. A call that has begun may take longer. Comments do not lengthen the wait.
    """
    now = asyncio.get_running_loop().time
    received, until = -1, 0.0
    while not reader.is_settled:
        if received != reader.received:
            received, until = reader.received, now() + _SILENCE
        try:
            async with asyncio.timeout_at(until if reader.is_finished else None):
                chunk = await anext(chunks, b"")
        except Exception:  # a whole answer cannot break, and `end` reports one that is not
            return
        if not chunk:
            return
        yield chunk


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read to the end, so that the connection may serve another request, if that is quick."""
    with suppress(Exception):
        async with asyncio.timeout(_END_WITHIN):
            async for _ in chunks:
                pass
