"""Observing: observers by what they can do, not by what they are."""

from collections.abc import Callable
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any, Self

from reactivex import abc

from ..arguments import shown

__all__ = ["Observing", "methods_of"]

_ASYNCHRONOUS = (iscoroutinefunction, isasyncgenfunction)
_METHODS = ("on_next", "on_error", "on_completed")


def _nothing(*_: Any) -> None:
    pass


def methods_of(
    watching: Any,
    on_error: Callable[[Exception], None] | None = None,
    on_completed: Callable[[], None] | None = None,
) -> list[Callable[..., None] | None]:
    """Return on_next, on_error and on_completed of an observer; None for each that is missing.

    Args:
        watching: An object with some of them, or a function of an item; None for nothing.
        on_error: Called with the error, unless `watching` is such an object.
        on_completed: Called at the end, unless `watching` is such an object.

    Raises:
        TypeError: It cannot observe.
    """
    methods = [getattr(watching, name, None) for name in _METHODS]
    if not any(map(callable, methods)):
        methods = [watching, on_error, on_completed]
    if isinstance(watching, type):
        name = watching.__name__
        raise TypeError(f"{name} is a class, which cannot observe: write {name}().")
    for method in methods:
        if not (method is None or callable(method)):
            raise TypeError(
                f"{shown(method)} cannot observe. Give a function of an item, "
                "or an object with on_next, on_error or on_completed."
            )
    if any(map(_is_asynchronous, methods)):
        raise TypeError(
            f"{watching!r} is asynchronous, and nobody would await it. Write `async for`."
        )
    return methods


def _is_asynchronous(method: Any) -> bool:
    if method is None:
        return False
    ways = (method, type(method).__call__)  # the latter of an object that is no function
    return any(is_so(way) for is_so in _ASYNCHRONOUS for way in ways)


class Observing(abc.ObserverBase[Any]):
    """An observer made of functions, or of what has some of an observer's methods.

    Attributes:
        watching: What it was made of.
    """

    on_next: Callable[[Any], None] = _nothing  # type: ignore[assignment]  # a method as a value
    on_error: Callable[[Exception], None] = _nothing  # type: ignore[assignment]  # likewise
    on_completed: Callable[[], None] = _nothing

    def __init__(
        self,
        watching: Any,
        on_next: Callable[[Any], None] | None,
        on_error: Callable[[Exception], None] | None,
        on_completed: Callable[[], None] | None,
    ) -> None:
        self.watching = watching
        self.on_next = on_next or _nothing
        self.on_error = on_error or _nothing
        self.on_completed = on_completed or _nothing

    @classmethod
    def of(
        cls,
        watching: Any,
        on_error: Callable[[Exception], None] | None = None,
        on_completed: Callable[[], None] | None = None,
    ) -> Self:
        """Return an observer for what somebody wants to be told.

        Args:
            watching: An object with some of on_next, on_error and on_completed, or a function of
                an item; None for nothing.
            on_error: Told the error, unless `watching` is such an object.
            on_completed: Told the end, unless `watching` is such an object.

        Raises:
            TypeError: It cannot be told anything.
        """
        return cls(watching, *methods_of(watching, on_error, on_completed))

    @property
    def hears_errors(self) -> bool:
        """Whether an error is told to somebody."""
        return self.on_error is not _nothing

    def mute(self) -> None:
        """Let whatever follows be told to nobody, from this moment on."""
        self.on_next = self.on_error = self.on_completed = _nothing

    def __repr__(self) -> str:
        return repr(self.watching)
