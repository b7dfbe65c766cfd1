"""Clients: one for each event loop and settings, shared by all models that agree in them."""

import asyncio
import os
from asyncio import AbstractEventLoop
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from attrs import define

__all__ = ["shared"]

_T = TypeVar("_T")


@define(eq=False)
class _Kept:
    settings: Any
    client: Any
    keeper: AsyncGenerator[None, None]


_kept: "WeakKeyDictionary[AbstractEventLoop, list[_Kept]]" = WeakKeyDictionary()


async def shared(
    settings: Any, make: Callable[[], _T], close: Callable[[_T], Awaitable[None]]
) -> _T:
    """Return the running loop's client of these settings; the first call makes it.

    It is closed when the loop shuts down its asynchronous generators, as `asyncio.run` does.

    Args:
        settings: All that tells a client from others, compared by `==`.
        make: Makes the client.
        close: Closes it.
    """
    loop = asyncio.get_running_loop()
    here = _kept.setdefault(loop, [])
    for known in here:
        if known.settings == settings:
            client: _T = known.client
            return client
    client = make()
    keeper = _keep(loop, client, close)
    here.append(_Kept(settings, client, keeper))
    await anext(keeper)  # it does not wait, but from now on the loop knows it
    return client


async def _keep(
    loop: AbstractEventLoop, client: _T, close: Callable[[_T], Awaitable[None]]
) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        _kept[loop] = [known for known in _kept[loop] if known.client is not client]
        await close(client)


def _inherit() -> None:
    """Keep a forked child from closing what it shares with its parent, even when it ends.

    To close a connection is to take it out of the selector, and the selector is the parent's.
    """
    from ctypes import py_object, pythonapi

    for clients in _kept.values():
        pythonapi.Py_IncRef(py_object(clients))  # never freed
    _kept.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_inherit)
