"""Kept connections: those of aiohttp, which serve another request only while they are silent.

A server may send what was not asked for: a reply twice, or a time-out of the idle connection. By
itself, aiohttp gives that to the next request as its reply.

A server may also close a kept connection while the next request is on its way. By itself, aiohttp
reports that as an error, since models are asked by POST. As browsers do, the request is sent once
more, on a new connection, if not one byte of a reply came.
"""

from __future__ import annotations

import select
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from aiohttp import (
    ClientConnectionError,
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

__all__ = ["give_session", "silent_session"]


def silent_session(**options: Any) -> ClientSession:
    """Return a session with such connections, which keeps no cookies, and decodes no body.

    Args:
        options: The arguments of aiohttp's connector.
    """
    connector = _SilentConnector(**options)
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        middlewares=[connector.send],
        auto_decompress=False,
    )


class _SilentConnector(TCPConnector):
    """A connector that closes a kept connection on which bytes came after a reply."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kind: type[ResponseHandler] = _Handler
        self._factory = partial(kind, loop=self._loop)
        self._sent: WeakKeyDictionary[ClientRequest, _Handler | None] = WeakKeyDictionary()
        """The requests on their way, each with the kept connection that it was sent on.

        One that is sent again has an entry before it is sent, and gets no kept connection.
        """

    async def connect(self, req: ClientRequest, *args: Any, **options: Any) -> Connection:
        """Return a connection, a kept one only if nothing came on it since its last reply."""
        is_again = req in self._sent
        while True:
            connection = await super().connect(req, *args, **options)
            handler = connection.protocol
            if not isinstance(handler, _Handler):
                return connection
            if handler.is_kept and (is_again or not handler.is_silent()):
                connection.close()
                continue
            self._sent[req] = handler if handler.is_kept else None
            handler.is_kept = handler.has_answered = False
            connection.add_callback(handler.keep)
            return connection

    async def send(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send a request; once more, if its kept connection ended before any byte of a reply.

        Raises:
            ClientError: No reply has begun.
        """
        try:
            return await handler(request)
        except (ClientConnectionError, OSError) as error:
            kept = self._sent.get(request)
            if kept is None or kept.has_answered or isinstance(error, TimeoutError):
                raise
            await request.close()  # its body may still be on its way
            if getattr(request.body, "consumed", False):
                raise
        return await handler(request)


class _Handler(ResponseHandler):
    """What reads the bytes of one connection.

    Attributes:
        is_kept: Whether the connection waits for its next request.
        has_answered: Whether a byte came since its last request.
    """

    def __init__(self, loop: Any) -> None:
        super().__init__(loop=loop)
        self.is_kept = self.has_answered = False

    def keep(self) -> None:
        """Let the connection wait for its next request."""
        self.is_kept = True

    def is_silent(self) -> bool:
        """Return whether nothing came since the last reply, read or unread."""
        return not self.should_close and not _is_readable(self.transport)

    def data_received(self, data: bytes) -> None:
        """Read bytes; those that come between two requests spoil the connection."""
        self.has_answered = self.has_answered or bool(data)
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
    return silent_session(
        keepalive_timeout=limits.keepalive_expiry, ssl=transport.ssl_context, **limit
    )
