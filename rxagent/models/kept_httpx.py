"""Kept connections of clients of httpx, which serve another request as those of aiohttp do.

That is: only while they are silent, and a request whose kept connection ends before any byte of a
reply is sent once more, on a new connection. httpx itself would read what came behind a reply as
the next one, and report a connection that was just closed as an error.

.. code-block:: text

    httpx ─▶ pool ─▶ connection, watched ─▶ protocol (h11) ─▶ wire, watched ─▶ socket

The pool is httpcore's. It sends a request on another connection when one is not available; there
is no other way to let it do so than to say that.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any
from weakref import WeakSet

__all__ = ["watch_connections"]


def watch_connections(client: Any) -> None:
    """Let a client of httpx use its kept connections with that care.

    Args:
        client: The client, which has sent nothing yet. Transports that are not httpx's own are left
            as they are.
    """
    mounts = getattr(client, "_mounts", {}).values()
    for transport in (getattr(client, "_transport", None), *mounts):
        pool = getattr(transport, "_pool", None)
        if pool is not None and hasattr(pool, "_network_backend"):
            make, again = pool.create_connection, WeakSet[Any]()
            pool._network_backend = _Backend(pool._network_backend)
            pool.create_connection = lambda origin, make=make, again=again: _Watched(
                make(origin), again
            )


class _Around:
    """What is around an object, and passes on what it does not do itself."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Watched(_Around):
    """A connection of a pool.

    Args:
        inner: The connection itself.
        again: The requests of the pool that are sent once more.
    """

    def __init__(self, inner: Any, again: WeakSet[Any]) -> None:
        super().__init__(inner)
        self._again = again

    def has_expired(self) -> bool:
        """Return whether it serves no further request."""
        return self._inner.has_expired() or (self._inner.is_idle() and not self._is_silent())

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request.

        Raises:
            ConnectionNotAvailable: It is to be sent on another connection.
        """
        wire = getattr(_protocol(self._inner), "_network_stream", None)
        if not (self._inner.is_idle() and isinstance(wire, _Wire)):
            return await self._inner.handle_async_request(request)
        library = import_module(type(self._inner).__module__.partition(".")[0])
        if request in self._again:
            await self._inner.aclose()
            raise library.ConnectionNotAvailable
        wire.received = 0
        try:
            return await self._inner.handle_async_request(request)
        except (library.NetworkError, library.RemoteProtocolError) as error:
            if wire.received:
                raise
            self._again.add(request)
            raise library.ConnectionNotAvailable from error

    def _is_silent(self) -> bool:
        """Return whether nothing was read behind the last reply."""
        protocol = _protocol(self._inner)
        if protocol is None:
            return True
        wire = protocol._network_stream
        rest, _ = protocol._h11_state.trailing_data
        return not rest and not (isinstance(wire, _Wire) and wire.is_full)


class _Wire(_Around):
    """The bytes of one connection.

    Attributes:
        received: How many came since its last request.
        is_full: Whether the last ones were as many as were asked for, so that more may wait.
    """

    received = 0
    is_full = False

    async def read(self, most: int, timeout: float | None = None) -> bytes:
        """Return the next bytes; empty at the end."""
        data: bytes = await self._inner.read(most, timeout)
        self.received += len(data)
        self.is_full = len(data) == most
        return data

    async def start_tls(self, *args: Any, **options: Any) -> _Wire:
        """Return the bytes of the connection within TLS."""
        return _Wire(await self._inner.start_tls(*args, **options))


class _Backend(_Around):
    """What connects."""

    async def connect_tcp(self, *args: Any, **options: Any) -> _Wire:
        """Connect to a host."""
        return _Wire(await self._inner.connect_tcp(*args, **options))

    async def connect_unix_socket(self, *args: Any, **options: Any) -> _Wire:
        """Connect to a socket of this machine."""
        return _Wire(await self._inner.connect_unix_socket(*args, **options))


def _protocol(connection: Any) -> Any:
    """Return what speaks HTTP/1.1 on a connection; None before it is connected, or for others."""
    while connection is not None and not hasattr(connection, "_h11_state"):
        connection = getattr(connection, "_connection", None)
    return connection
