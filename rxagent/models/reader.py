"""Reader: reads the bytes of a reply as deltas, and when to stop waiting for more of them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

from ..events import Delta
from ..streams.fairness import Rest
from .errors import ErrorFactory

__all__ = ["Reader", "read_reply"]

_USAGE_WITHIN = 2.0
"""Seconds after the finish reason in which usage and further calls may come."""

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
        while not reader.is_finished and (chunk := await _next(chunks, errors)):
            yield reader.feed(chunk)
        async for chunk in _after_the_finish(chunks, reader):
            yield reader.feed(chunk)
        yield reader.end()
        await _drain(chunks)


async def _next(chunks: AsyncIterator[bytes], errors: ErrorFactory) -> bytes:
    """Return the next bytes; none at the end."""
    try:
        return await anext(chunks, b"")
    except Exception as error:
        raise errors.lost("broke off before its reply was whole", error) from error


async def _after_the_finish(chunks: AsyncIterator[bytes], reader: Reader) -> AsyncIterator[bytes]:
    """Yield the bytes behind the finish reason, until the reply is settled or the time is over.

    They may hold the usage, and further calls. A call that has begun may take longer; other bytes
    do not lengthen the wait.
    """
    now = asyncio.get_running_loop().time
    until: float | None = None
    while not reader.is_settled:
        until = (until or now() + _USAGE_WITHIN) if reader.is_finished else None
        try:
            async with asyncio.timeout_at(until):
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
