"""Outputs: what a tool's function yields while it works, and what it returns."""

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

__all__ = ["Pictured", "Raised", "Returned", "outputs"]


@frozen
class Returned:
    """What a function returned, as against what one yields while it works."""

    value: Any
    text: str
    images: tuple[Image, ...] = ()


@frozen
class Pictured:
    """A value that was yielded, and the images in it."""

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

    A value that holds images is `Pictured`: they are read where it was yielded, as that may take
    its time.

    Coroutines run on the run's loop, other functions on the shared pool. A result that is a stream
    itself (an Observable, an iterator, something to be awaited) is followed.

    Args:
        function: The function.
        arguments: What it is called with.
        began: Called in the run right before the function.
        workers: The pool of a plain function; by default the one that the process shares.
        name: The tool's name, for logs.

    Raises:
        Raised: The function's code raised; by `on_error`.
    """
    call = partial(function, *arguments.args, **arguments.kwargs)
    source = calling(
        call,
        began=began,
        workers=workers,
        name=name,
        returned=_with_text,
        yielded=_with_images,
    )
    return lift(_Following)(source)


def _with_text(value: Any) -> Returned:
    return Returned(value, result_text(value), images_in(value))


def _with_images(value: Any) -> Any:
    if isinstance(value, str | Event):
        return value
    images = images_in(value)
    return Pictured(value, images) if images else value


class _Following(MergeSink[Any, Any]):
    """Emits what a stream that was returned emits in its place."""

    __slots__ = ()

    def on_next(self, value: Any) -> None:
        if type(value) is Result:
            self.join(lift(_Blaming)(observe_on_run(value.value)))
        else:
            self.observer.on_next(value)


class _Blaming(Sink[Any, Any]):
    """Blames the tool for the error of a stream that it returned."""

    __slots__ = ()

    def on_next(self, value: Any) -> None:
        self.observer.on_next(_with_images(value))

    def on_error(self, error: Exception) -> None:
        super().on_error(error if isinstance(error, Raised) else Raised(behind(error)))
