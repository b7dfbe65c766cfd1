"""On: one kind of event, told to a function."""

from collections.abc import Callable
from types import UnionType
from typing import Any, TypeVar

from reactivex import abc

from ..arguments import shown
from ..events import Event

__all__ = ["on"]

_E = TypeVar("_E", bound=Event)


def on(kind: type[_E], tell: Callable[[_E], Any]) -> abc.ObserverBase[Event]:
    """Return an observer that tells a function of the events of one kind, and of nothing else.

    Args:
        kind: A class of events; `Delta` and `Event` stand for all that derive from them.
        tell: Called with each such event.
    """
    if not isinstance(kind, type | UnionType) or not callable(tell):
        raise TypeError(
            "on takes a class of events and a function, as on(ToolStarted, print), "
            f"not {shown(kind)} and {shown(tell)}."
        )
    return _On(kind, tell)


class _On(abc.ObserverBase[Event]):
    def __init__(self, kind: type[_E], tell: Callable[[_E], Any]) -> None:
        self._kind = kind
        self._tell: Callable[[Any], Any] = tell

    def on_next(self, event: Event) -> None:
        if isinstance(event, self._kind):
            self._tell(event)

    def on_error(self, error: Exception) -> None:
        pass

    def on_completed(self) -> None:
        pass

    def __repr__(self) -> str:
        return f"on({shown(self._kind)}, {self._tell!r})"
