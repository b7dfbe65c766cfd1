"""Tokens and keys that a function of the user's provides with each request."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from ..streams.calls import is_async
from ..streams.workers import Workers
from .on_worker import on_worker
from .own_code import own_code

__all__ = ["provided"]

_FETCHERS = Workers(limit=8, name="rxagent-worker-tokens")
"""Call what provides tokens: they may have to be fetched from a server first."""


async def provided(name: str, provider: Callable[[], Any]) -> Any:
    """Return what a function provides, sync or async; a sync one is called on a worker.

    Args:
        name: The name of the argument that is the function.
        provider: The function.

    Raises:
        OwnError: The function raised.
    """
    with own_code(f"its {name}"):
        if is_async(provider):
            return await provider()
        token = await on_worker(_FETCHERS, provider, "fetching a token")
        return await token if isawaitable(token) else token
