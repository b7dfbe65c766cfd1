"""What a pipeline may speak of, beside the rows of its diagram."""

import asyncio
import builtins
from collections.abc import AsyncIterable, AsyncIterator, Callable
from functools import partial
from importlib import import_module
from typing import Any

import reactivex as rx
from reactivex import Observable
from reactivex import operators as rxo

from ... import errors, events
from ... import operators as ops
from ...events import Delta
from ...messages import Request
from ...streams import Home, from_async

__all__ = ["attempts", "model_of", "public", "request", "slowly"]

request = Request.of("Say something.")
"""A request, for models that are called by hand."""


def model_of(*rows: Observable[Delta]) -> Callable[[Request], Observable[Delta]]:
    """Return a model whose n-th call plays the n-th row."""
    left = iter(rows)
    return lambda request: _next_of(left, "The model was called", len(rows))


def attempts(*rows: Observable[Any]) -> Observable[Any]:
    """Return a stream whose n-th subscription plays the n-th row."""
    left = iter(rows)
    return rx.defer(lambda _: _next_of(left, "The stream was subscribed", len(rows)))


def slowly(items: AsyncIterable[Any], seconds: float) -> Observable[Any]:
    """Return what somebody reads who takes so many seconds for each item."""

    async def read() -> AsyncIterator[Any]:
        async for item in items:
            yield item
            await asyncio.sleep(seconds)

    return from_async(read)


def _next_of(left: Any, what: str, many: int) -> Observable[Any]:
    row: Observable[Any] | None = next(left, None)
    if row is None:
        raise AssertionError(f"{what} more often than it has rows: {many}.")
    return row


def public(name: str, home: Home) -> Any:
    """Return what a name means in every pipeline that has its home there.

    Raises:
        LookupError: It means nothing.
    """
    if name == "launch":
        # A run has a home of its own, and here there is but one time.
        return partial(import_module("rxagent").launch, home=home)
    if name in _KIT:
        return _KIT[name]
    if name == "tool_of":
        # What describes tools is slow to load, and few diagrams have any.
        return import_module(".tools", __package__).tool_of
    for room in (events, errors, import_module("rxagent"), builtins):
        if name in getattr(room, "__all__", dir(room)):
            return getattr(room, name)
    raise LookupError(name)


_KIT: dict[str, Any] = {
    "attempts": attempts,
    "model_of": model_of,
    "ops": ops,
    "request": request,
    "rx": rx,
    "rxo": rxo,
    "slowly": slowly,
}
