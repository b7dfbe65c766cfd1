"""The names that a pipeline may use, besides the rows and imports of its diagram."""

from __future__ import annotations

import asyncio
import builtins
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import reactivex as rx
from attrs import asdict, field, frozen
from reactivex import Observable
from reactivex import operators as rxo

from ... import errors, events
from ... import operators as ops
from ...events import Delta, TextDelta
from ...executors.protocol import Limits
from ...messages import Request
from ...operators._models import Pipeable
from ...streams import RunScheduler, from_async

if TYPE_CHECKING:
    from ...tools import Tool

__all__ = [
    "KIT",
    "attempts",
    "executor_of",
    "function_of",
    "model_of",
    "policy_of",
    "public",
    "request",
    "slowly",
    "tool_of",
]

request = Request.of("Say something.")
"""A request, for models that are called by hand."""


@frozen(eq=False)
class _RowModel(Pipeable):
    """Plays a row for each call."""

    rows: Iterator[Observable[Delta]]
    many: int

    def __call__(self, request: Request) -> Observable[Delta]:
        return _next_of(self.rows, "The model was called", self.many)


def model_of(*rows: Observable[Delta]) -> _RowModel:
    """Return a model whose n-th call plays the n-th row."""
    return _RowModel(iter(rows), len(rows))


def attempts(*rows: Observable[Any]) -> Observable[Any]:
    """Return a stream whose n-th subscription plays the n-th row."""
    left = iter(rows)
    return rx.defer(lambda _: _next_of(left, "The stream was subscribed", len(rows)))


def _next_of(left: Any, what: str, many: int) -> Observable[Any]:
    row: Observable[Any] | None = next(left, None)
    if row is None:
        raise AssertionError(f"{what} more often than it has rows: {many}.")
    return row


def slowly(items: AsyncIterable[Any], seconds: float) -> Observable[Any]:
    """Return the items as a stream that waits this long after each."""

    async def read() -> AsyncIterator[Any]:
        async for item in items:
            yield item
            await asyncio.sleep(seconds)

    return from_async(read)


def tool_of(name: str, row: Observable[Any]) -> Tool:
    """Return a tool of this name whose calls play a row; its text deltas become texts."""

    def play() -> Observable[Any]:
        return row.pipe(rxo.map(lambda item: item.text if isinstance(item, TextDelta) else item))

    return _row_tool(name, play)


def function_of(name: str, row: Observable[Any]) -> Tool:
    """Return a tool of this name whose calls return the last item of a row, when it ends."""

    async def play() -> Any:
        returned = asyncio.get_running_loop().create_future()
        items: list[Any] = [None]
        playing = row.subscribe(
            items.append, returned.set_exception, lambda: returned.set_result(items[-1])
        )
        try:
            return await returned
        finally:
            playing.dispose()

    return _row_tool(name, play)


def _row_tool(name: str, play: Callable[[], Any]) -> Tool:
    # Few diagrams have tools, which are slow to import.
    from ...tools import Tool, tool

    @frozen(eq=False)
    class RowTool(Tool):
        """A tool that accepts and ignores any arguments."""

        def read(
            self, text: str, additional: Mapping[str, Any] | None = None, *, cut: bool = False
        ) -> inspect.BoundArguments:
            return inspect.signature(self.function).bind()

    made = tool(play, name=name, description=f"Play the row of {name}.")
    fields = asdict(made, recurse=False)
    return RowTool(**{field.lstrip("_"): value for field, value in fields.items()})


@frozen
class _RowExecutor:
    """Plays a row for each piece of code; it is its own session."""

    rows: Iterator[Observable[Any]]
    many: int
    limits: Limits = field(factory=Limits)
    language: str = ""

    def open(self, variables: Mapping[str, Any], saved: Any = None) -> _RowExecutor:
        return self

    def run(self, code: str, functions: Any) -> Observable[Any]:
        row = _next_of(self.rows, "Code was run", self.many)
        return row.pipe(rxo.map(lambda item: item.text if isinstance(item, TextDelta) else item))

    def save(self) -> None:
        pass

    def close(self) -> None:
        pass


def executor_of(*rows: Observable[Any]) -> _RowExecutor:
    """Return an executor whose n-th piece of code plays the n-th row; text deltas are printed."""
    return _RowExecutor(iter(rows), len(rows))


def policy_of(*rows: Observable[Any]) -> Callable[[Any], Observable[Any]]:
    """Return a policy whose n-th call plays the n-th row of decisions."""
    left = iter(rows)
    return lambda call: _next_of(left, "The policy was asked", len(rows))


KIT: dict[str, Any] = {
    "attempts": attempts,
    "executor_of": executor_of,
    "function_of": function_of,
    "model_of": model_of,
    "ops": ops,
    "policy_of": policy_of,
    "request": request,
    "rx": rx,
    "rxo": rxo,
    "slowly": slowly,
    "tool_of": tool_of,
}
"""The names that no row and no import may take."""


def public(name: str, scheduler: RunScheduler) -> Any:
    """Return the value that a name has in every pipeline.

    Raises:
        LookupError: The name is unknown.
    """
    if name == "launch":
        # A run would schedule in real time by default.
        return partial(import_module("rxagent").launch, scheduler=scheduler)
    if name in KIT:
        return KIT[name]
    for module in (events, errors, import_module("rxagent"), builtins):
        if name in getattr(module, "__all__", dir(module)):
            return getattr(module, name)
    raise LookupError(name)
