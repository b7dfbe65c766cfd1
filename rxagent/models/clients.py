"""Clients: made on a worker thread, shared by all models of equal settings, and bounded.

Each event loop has clients of its own. A loop holds its pool by a timer:

.. code-block:: text

    loop ──▶ timer ──▶ grip ──▶ pool ──▶ clients ──▶ connections ──▶ loop

so nothing else keeps a loop alive, and a loop that is closed drops its timers, and with them the
grip, which closes the connections.

A client closes by its loop, and asyncio lets a closed loop close nothing: the sockets would stay
open, or be closed with a ResourceWarning when they are collected. So the transports are searched
among the objects of the HTTP libraries, and their connections are lost, as their loop would do at
its next turn. Tried on asyncio of Python 3.11 to 3.13; transports without
`_call_connection_lost` are only aborted.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from asyncio import AbstractEventLoop
from collections import OrderedDict, defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context
from types import TracebackType
from typing import Any, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from attrs import define, field

from ..streams.workers import Workers
from .own_code import in_a_future

__all__ = ["IDLE", "LIMIT", "idle_connections", "shared"]

_T = TypeVar("_T")

LIMIT = 16
"""How many clients a loop keeps; more exist only while more are in use at once.

Measured with OpenAI's SDK, a client that has served a request takes 40 KiB."""

IDLE = 60.0
"""Seconds after which a client that is not in use is closed."""

_MAKERS = Workers(limit=4, name="rxagent-worker-clients")
"""Makes clients: never behind tools, and few at once, since each takes the interpreter's lock
from the loops."""

_Close: TypeAlias = Callable[[Any], Awaitable[None]]

_log = logging.getLogger("rxagent")


@asynccontextmanager
async def shared(
    settings: Any, make: Callable[[], _T], close: Callable[[_T], Awaitable[None]] | None
) -> AsyncIterator[_T]:
    """Lend the running loop's client of these settings; the first request makes it.

    While the block runs, the client is not closed. Afterwards it is closed when it has been idle
    for `IDLE` seconds, when `LIMIT` others were used since, or when its loop shuts down its
    asynchronous generators, as `asyncio.run` does, or is closed.

    Args:
        settings: What identifies a client, compared by `==`.
        make: Makes the client, on a worker thread. All requests that wait for the client get
            its error, and the next one makes the client again.
        close: Closes it, on the loop; None for a client that is left open.
    """
    pool = _pool(asyncio.get_running_loop())
    kept = pool.take(settings, make, close)
    try:
        yield await kept.client()
    finally:
        pool.give_back(kept)


@define(eq=False)
class _Kept:
    """A client of a pool, which may still be in the making."""

    settings: Any
    close: _Close | None
    made: asyncio.Future[_Made]
    users: int = 0
    idle_since: float = 0.0

    async def client(self) -> Any:
        """Wait until it is made; cancelling the wait does not cancel the making."""
        made = await asyncio.shield(self.made)
        if made.error is not None:
            # Several waiters raise this error; its traceback must not grow with each.
            raise made.error.with_traceback(made.traceback)
        return made.client


@define
class _Made:
    client: Any = None
    error: Exception | None = None
    traceback: TracebackType | None = None


@define(eq=False)
class _Pool:
    """The clients of one loop, the last used at the end; accessed on the loop's thread only."""

    loop: AbstractEventLoop
    limit: int = field(factory=lambda: LIMIT)
    idle: float = field(factory=lambda: IDLE)
    is_held: bool = False
    kept: list[_Kept] = field(factory=list)
    leaving: list[_Kept] = field(factory=list)
    tasks: set[asyncio.Task[None]] = field(factory=set)

    def take(self, settings: Any, make: Callable[[], Any], close: _Close | None) -> _Kept:
        """Return the client of these settings, and count one more user."""
        for kept in self.kept:
            if kept.settings == settings:
                self.kept.remove(kept)
                break
        else:
            kept = _Kept(settings, close, self.loop.create_future())
            self._make(kept, make)
        self.kept.append(kept)
        kept.users += 1
        self._trim()
        self._hold()
        return kept

    def give_back(self, kept: _Kept) -> None:
        """Count one user less."""
        kept.users -= 1
        kept.idle_since = self.loop.time()
        self._trim()

    def _make(self, kept: _Kept, make: Callable[[], Any]) -> None:
        context = copy_context()

        def job() -> None:
            try:
                made = _Made(context.run(make))
            except BaseException as error:
                own = in_a_future("making its client", error)
                made = _Made(error=own, traceback=error.__traceback__)
            with suppress(RuntimeError):  # if the loop is closed; the client has no connection yet
                self.loop.call_soon_threadsafe(self._settle, kept, made)

        _MAKERS.submit(job)

    def _settle(self, kept: _Kept, made: _Made) -> None:
        kept.made.set_result(made)
        if made.error is not None and kept in self.kept:
            self.kept.remove(kept)
        self._trim()

    def _trim(self) -> None:
        """Close the least recently used, as long as there are too many."""
        if self.loop.is_closed():
            return
        for kept in self._unused()[: max(0, len(self.kept) - self.limit)]:
            self._close(kept)

    def look(self, grip: _Grip) -> None:
        """Close the clients that have been idle for too long, and call again for the next ones."""
        now = self.loop.time()
        for kept in self._unused():
            if kept.idle_since + self.idle <= now:
                self._close(kept)
        if self.kept or self.leaving:
            due = min((kept.idle_since for kept in self._unused()), default=now) + self.idle
            self.loop.call_at(due, grip.look)
        else:
            self.is_held = grip.holds = False

    def _unused(self) -> list[_Kept]:
        return [kept for kept in self.kept if not kept.users and kept.made.done()]

    def _close(self, kept: _Kept) -> None:
        if kept in self.kept:
            self.kept.remove(kept)
        if kept.close is not None:
            self.leaving.append(kept)
            task = self.loop.create_task(self._closed(kept), name="rxagent-client-close")
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _closed(self, kept: _Kept) -> None:
        assert kept.close is not None
        try:
            await kept.close(kept.made.result().client)
        except Exception:
            _log.debug("a client could not be closed", exc_info=True)
        if kept in self.leaving:
            self.leaving.remove(kept)

    async def shut_down(self) -> None:
        """Close all clients, also those whose closing was interrupted."""
        for kept in tuple(self.kept):
            self.kept.remove(kept)
            if kept.made.done() and kept.close is not None:
                self.leaving.append(kept)
        for kept in tuple(self.leaving):
            await self._closed(kept)

    def cut_off(self) -> None:
        """Close the connections of all clients without their loop."""
        for kept in (*self.kept, *self.leaving):
            if kept.made.done() and kept.close is not None:
                _cut_off(kept.made.result().client, kept.close, self.loop)

    def _hold(self) -> None:
        if not self.is_held:
            self.is_held = True
            grip = _Grip(self)
            with suppress(StopIteration):
                anext(grip.end).send(None)  # it does not wait, but registers it with the loop
            self.loop.call_later(self.idle, grip.look)


class _Grip:
    """Holds a pool for a loop; when it is collected while it holds, the connections are closed."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self.end = _end(pool)
        self.holds = True

    def look(self) -> None:
        self._pool.look(self)

    def __del__(self) -> None:
        if self.holds and not sys.is_finalizing():
            self._pool.cut_off()


async def _end(pool: _Pool) -> AsyncGenerator[None, None]:
    try:
        yield  # until the loop's `shutdown_asyncgens`
    finally:
        await pool.shut_down()


_pools: WeakValueDictionary[int, _Pool] = WeakValueDictionary()
"""By the id of the loop, which lives as long as its pool."""


def _pool(loop: AbstractEventLoop) -> _Pool:
    pool = _pools.get(id(loop))
    if pool is None:
        pool = _pools[id(loop)] = _Pool(loop)
    return pool


def idle_connections() -> set[Any]:
    """Return the local addresses of the connections that wait for a request, on any loop."""
    return {
        transport.get_extra_info("sockname")
        for pool in tuple(_pools.values())
        for kept in tuple(pool.kept)
        if kept.made.done() and not kept.users
        for transport in tuple(_transports(kept.made.result().client, pool.loop))
    }


_LIBRARIES = {"aiohttp", "anyio", "httpcore", "httpcore2", "httpx", "httpx2", "httpx_aiohttp"}
_LIBRARIES |= {"litellm", "openai", "rxagent"}  # of ours, the connector
_CONTAINERS = (dict, defaultdict, OrderedDict, list, tuple, set, frozenset, deque)
_OF_ASYNCIO = (asyncio.BaseTransport, asyncio.BaseProtocol)


def _cut_off(client: Any, close: _Close, loop: AbstractEventLoop) -> None:
    """Close a client's connections without its loop, which is closed or is being collected."""
    for transport in tuple(_transports(client, loop)):
        with suppress(Exception):
            transport.abort()  # it leaves the rest to the loop
        with suppress(Exception):
            transport._call_connection_lost(None)
    # With no connection left there is nothing to wait for: one step marks it as closed.
    with suppress(Exception):
        next(close(client).__await__())


def _transports(client: Any, loop: AbstractEventLoop) -> Iterator[Any]:
    libraries = {*_LIBRARIES, _library(client)}
    seen: dict[int, Any] = {}
    todo = [client]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen[id(thing)] = thing
        if isinstance(thing, asyncio.BaseTransport) and getattr(thing, "_loop", loop) is loop:
            yield thing
        if isinstance(thing, (*_OF_ASYNCIO, *_CONTAINERS)) or _library(thing) in libraries:
            todo += gc.get_referents(thing)


def _library(thing: Any) -> str:
    return type(thing).__module__.partition(".")[0]


def _inherit() -> None:
    """Keep a forked child from closing what it shares with its parent, even when it ends.

    Closing a connection removes it from the selector, which is the parent's.
    """
    from ctypes import py_object, pythonapi

    for pool in tuple(_pools.values()):
        clients = [*pool.kept, *pool.leaving]
        pythonapi.Py_IncRef(py_object(clients))  # never freed
        pool.kept.clear()
        pool.leaving.clear()
    _pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_inherit)
