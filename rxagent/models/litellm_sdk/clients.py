"""Clients: the connections that LiteLLM keeps for each event loop, which it leaves open."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from importlib import import_module
from inspect import isawaitable
from time import monotonic
from typing import Any

from ..clients import IDLE
from ..cookies import take_no_cookies

__all__ = ["Clients"]

_PATIENCE = 2.0
"""Seconds that callbacks have to end."""


class Clients:
    """The clients that LiteLLM has made for the loop of the requests.

    It keeps them in a cache of the whole process, by the loop and their settings: 200 at most, of
    which it drops the oldest and leaves them to the garbage collector. It closes none when the
    loop ends.

    Args:
        sdk: The module `litellm`.
    """

    def __init__(self, sdk: Any) -> None:
        self.sdk = sdk
        self._kept: dict[str, Any] = {}
        self._dropped: list[tuple[float, Any]] = []
        """Those that LiteLLM keeps no more, and when that was seen."""

    def note(self) -> None:
        """Note the clients of the running loop, before and after a request.

        From then on they keep no cookies, as LiteLLM itself wants it for most of its clients.
        """
        cache = self.sdk.in_memory_llm_clients_cache
        mark = cache.update_cache_key_with_event_loop("")
        if mark:
            found = {key: value for key, value in cache.cache_dict.items() if key.endswith(mark)}
            for key in found.keys() - self._kept.keys():
                inner = getattr(found[key], "_client", None)
                if inner is not None and inner is not self.sdk.aclient_session:  # the user's
                    take_no_cookies(inner)
                    inner.cookies.jar.clear()
            now = monotonic()
            self._dropped += ((now, self._kept[key]) for key in self._kept.keys() - found.keys())
            self._kept = found

    async def close_dropped(self, after: float = IDLE) -> None:
        """Close the clients that LiteLLM has dropped, unless a request may have begun with them.

        Args:
            after: The seconds after which none can have.
        """
        until = monotonic() - after
        due = [(at, each) for at, each in self._dropped if at <= until and not _is_busy(each)]
        self._dropped = [each for each in self._dropped if each not in due]
        for _, client in due:
            with suppress(Exception):
                await _close(client)

    async def close(self) -> None:
        """Close the clients that are not in use by other code on this loop."""
        cache = self.sdk.in_memory_llm_clients_cache
        kept, self._kept = self._kept, {}
        for key, client in kept.items():
            if cache.cache_dict.get(key) is client and not _is_busy(client):
                del cache.cache_dict[key]
                cache.ttl_dict.pop(key, None)
                with suppress(Exception):
                    await _close(client)
        await self.close_dropped(0)
        with suppress(Exception):
            await _end_logging()


async def _close(client: Any) -> None:
    closing = (getattr(client, "aclose", None) or client.close)()
    if isawaitable(closing):
        await closing


async def _end_logging() -> None:
    """End the task that runs the user's callbacks, after the last; the next request starts it."""
    worker = import_module("litellm.litellm_core_utils.logging_worker").GLOBAL_LOGGING_WORKER
    task = worker._worker_task
    if task is not None and task.get_loop() is asyncio.get_running_loop():
        try:
            async with asyncio.timeout(_PATIENCE):
                await worker.flush()  # which begins the task again, if it has ended
        finally:
            await worker.stop()


def _is_busy(client: Any) -> bool:
    """Return whether a client is reading a reply, as LiteLLM itself finds that out."""
    with suppress(ImportError, AttributeError):
        closer = import_module("litellm.caching.evicted_client_closer")
        return bool(closer._has_connection_in_flight(client))
    return False
