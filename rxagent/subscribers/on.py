"""On: call a function with the events of one kind."""

from __future__ import annotations

from collections.abc import Callable
from types import UnionType
from typing import Any, TypeVar

from reactivex import abc

from ..arguments import shown
from ..events import Event

__all__ = ["on"]

_E = TypeVar("_E", bound=Event)


def on(kind: type[_E], call: Callable[[_E], Any]) -> abc.ObserverBase[Event]:
    """Return an observer that calls a function with each event of one kind.

    Args:
        kind: A class of events, such as `TextDelta`; its subclasses are included, so `Event` is
            all events.
        call: Called with each such event.
    """
    if not isinstance(kind, type | UnionType) or not callable(call):
        raise TypeError(
            "on takes a class of events and a function, as on(ToolStarted, print), "
            f"not {shown(kind)} and {shown(call)}."
        )
    return _On(kind, call)


class _On(abc.ObserverBase[Event]):
    def __init__(self, kind: type[_E], call: Callable[[_E], Any]) -> None:
        self._kind = kind
        self._call: Callable[[Any], Any] = call

    def on_next(self, event: Event) -> None:
        if isinstance(event, self._kind):
            self._call(event)

    def on_error(self, error: Exception) -> None:
        pass

    def on_completed(self) -> None:
        pass

    def __repr__(self) -> str:
        return f"on({shown(self._kind)}, {self._call!r})"
