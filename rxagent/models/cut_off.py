"""Cutting off: closing the connections of a client whose event loop does nothing any more.

A client closes by its loop, and asyncio lets a closed loop close nothing: the sockets would stay
open, or be closed with a ResourceWarning when they are collected. So the transports are looked for
among the objects of the HTTP libraries, and told that their connection is lost, as their loop
would do at its next turn. Tried on asyncio of Python 3.11 to 3.13; transports that lack
`_call_connection_lost` are only aborted.
"""

import asyncio
import gc
from collections import OrderedDict, defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

__all__ = ["cut_off"]

_LIBRARIES = {"aiohttp", "anyio", "httpcore", "httpcore2", "httpx", "httpx2", "httpx_aiohttp"}
_CONTAINERS = (dict, defaultdict, OrderedDict, list, tuple, set, frozenset, deque)
_OF_ASYNCIO = (asyncio.BaseTransport, asyncio.BaseProtocol)


def cut_off(
    client: Any, close: Callable[[Any], Awaitable[None]], loop: asyncio.AbstractEventLoop
) -> None:
    """Close a client's connections without its loop.

    Args:
        client: The client.
        close: Closes it, where there is a loop.
        loop: The loop, which is closed or is being collected.
    """
    for transport in tuple(_transports(client, loop)):
        with suppress(Exception):
            transport.abort()  # it asks the loop for the rest
        with suppress(Exception):
            transport._call_connection_lost(None)
    # With no connection left there is nothing to wait for: one step notes that it is closed.
    with suppress(Exception):
        next(close(client).__await__())


def _transports(client: Any, loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
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
