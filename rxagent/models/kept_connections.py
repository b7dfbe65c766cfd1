"""Kept connections: those of aiohttp, which serve another request only while they are silent.

A server may send what was not asked for: a reply twice, or a time-out of the idle connection. By
itself, aiohttp gives that to the next request as its reply.
"""

import select
from functools import partial
from typing import Any

from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

__all__ = ["SilentConnector", "give_session"]


class SilentConnector(TCPConnector):
    """A connector that closes a kept connection on which bytes came after a reply."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kind: type[ResponseHandler] = _Handler
        self._factory = partial(kind, loop=self._loop)

    async def connect(self, *args: Any, **options: Any) -> Connection:
        """Return a connection, a kept one only if nothing came on it since its last reply."""
        while True:
            connection = await super().connect(*args, **options)
            handler = connection.protocol
            if not isinstance(handler, _Handler):
                return connection
            if not handler.is_kept or handler.is_silent():
                handler.is_kept = False
                connection.add_callback(handler.keep)
                return connection
            connection.close()


class _Handler(ResponseHandler):
    """What reads the bytes of one connection.

    Attributes:
        is_kept: Whether the connection waits for its next request.
    """

    def __init__(self, loop: Any) -> None:
        super().__init__(loop=loop)
        self.is_kept = False

    def keep(self) -> None:
        """Let the connection wait for its next request."""
        self.is_kept = True

    def is_silent(self) -> bool:
        """Return whether nothing came since the last reply, read or unread."""
        return not self.should_close and not _is_readable(self.transport)

    def data_received(self, data: bytes) -> None:
        """Read bytes; those that come between two requests spoil the connection."""
        if data and self.is_kept:  # aiohttp itself also feeds nothing, to resume its parser
            self.force_close()  # the parser may keep a part of a message, which nothing shows
        super().data_received(data)


def _is_readable(transport: Any) -> bool:
    """Return whether bytes have arrived, or the end, that the event loop has not read yet."""
    socket = None if transport is None else transport.get_extra_info("socket")
    if socket is None or socket.fileno() < 0:
        return True
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([socket.fileno()], [], [], 0)[0])
    poll = select.poll()
    poll.register(socket.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def give_session(transport: Any) -> None:
    """Let the SDKs' transport over aiohttp use such a connector, and keep no cookies.

    Args:
        transport: The transport, which has sent nothing yet.
    """
    transport.client = partial(_session, transport)


def _session(transport: Any) -> ClientSession:
    limits = transport.limits
    limit = {} if limits.max_connections is None else {"limit": limits.max_connections}
    connector = SilentConnector(
        keepalive_timeout=limits.keepalive_expiry, ssl=transport.ssl_context, **limit
    )
    return ClientSession(connector=connector, cookie_jar=DummyCookieJar())
