"""On a worker: functions that may block, and that an SDK would call on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

from ..errors import PoolExhausted
from ..streams.workers import Workers
from .own_code import in_a_future

__all__ = ["on_worker"]

_T = TypeVar("_T")


async def on_worker(workers: Workers, function: Callable[[], _T], what: str) -> _T:
    """Return what a function returns on a worker; cancelling the wait leaves it alone.

    Args:
        workers: The workers.
        function: The function.
        what: Its name in logs and errors.

    Raises:
        OwnError: The function raised what no future can hold, or what would end the loop.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()
    context = copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if not done.done():
            if error is None:
                done.set_result(value)
            else:
                done.set_exception(error)

    def answer(value: Any, error: BaseException | None) -> None:
        with suppress(RuntimeError):  # if the loop is closed
            loop.call_soon_threadsafe(settle, value, error)

    def job() -> None:
        try:
            value, error = context.run(function), None
        except BaseException as raised:
            value, error = None, in_a_future(what, raised)
        answer(value, error)

    def refused(error: PoolExhausted) -> None:
        answer(None, error)

    workers.submit(job, what, refused)
    return await done
