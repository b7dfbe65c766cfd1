"""Outputs: the values that a tool's function yields or returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import frozen
from reactivex import Observable

from ..events import Event
from ..messages import Image
from ..streams import observe_on_run
from ..streams.calls import Raised, calling
from ..streams.calls import Returned as Result
from ..streams.serial_queue import behind
from ..streams.sink import MergeSink, Sink, lift
from ..streams.sources import Began
from ..streams.workers import Workers
from .result_text import images_in, result_text

__all__ = ["Pictured", "Raised", "Returned", "outputs", "with_images"]


@frozen
class Returned:
    """A value that a function returned, rather than yielded."""

    value: Any
    text: str
    images: tuple[Image, ...] = ()


@frozen
class Pictured:
    """A yielded value with its images."""

    value: Any
    images: tuple[Image, ...]


def outputs(
    function: Callable[..., Any],
    arguments: inspect.BoundArguments,
    began: Began | None = None,
    workers: Workers | None = None,
    name: str = "a tool",
) -> Observable[Any]:
    """Emit each value that a function yields, or its result as one `Returned`.

    A yielded value that holds images is emitted as `Pictured`; the images are read on the thread
    that yields, since encoding may take long.

    Coroutines run on the run's loop, other functions on a thread. A result that is itself a stream
    (an Observable, an iterator, an awaitable) is followed.

    Args:
        function: The function.
        arguments: Its arguments.
        began: Called on the run's loop thread right before the function.
        workers: The threads that run a plain function; by default those that the process shares.
        name: The tool's name, for logs.

    Raises:
        Raised: The function raised; by `on_error`.
    """
    call = partial(function, *arguments.args, **arguments.kwargs)
    source = calling(
        call,
        began=began,
        workers=workers,
        name=name,
        returned=_with_text,
        yielded=with_images,
    )
    return lift(_Following)(source)


def _with_text(value: Any) -> Returned:
    return Returned(value, result_text(value), images_in(value))


def with_images(value: Any) -> Any:
    """Return a yielded value, as `Pictured` if it holds images."""
    if isinstance(value, str | Event):
        return value
    images = images_in(value)
    return Pictured(value, images) if images else value


class _Following(MergeSink[Any, Any]):
    """Emits the items of a returned stream in its place."""

    __slots__ = ()

    def on_next(self, value: Any) -> None:
        if type(value) is Result:
            self.join(lift(_Blaming)(observe_on_run(value.value)))
        else:
            self.observer.on_next(value)


class _Blaming(Sink[Any, Any]):
    """Marks the error of a returned stream as raised by the tool."""

    __slots__ = ()

    def on_next(self, value: Any) -> None:
        self.observer.on_next(with_images(value))

    def on_error(self, error: Exception) -> None:
        super().on_error(error if isinstance(error, Raised) else Raised(behind(error)))
