"""Places: where viewers are told, and how long one may be told before others have their turn."""

from collections.abc import Callable
from time import perf_counter
from typing import Any, Literal, TypeAlias

from attrs import frozen

from ..streams import Home
from ..streams.pace import Pace
from .stage import STAGE

__all__ = ["On", "Place", "place"]

On: TypeAlias = Literal["thread", "loop"]

_TURN = 0.005


@frozen
class Place:
    """Where a viewer is told.

    Attributes:
        call: Has a function called there, soon.
        turn: Begins a turn; what it returns tells whether the turn is over.
        is_gone: Tells whether nobody will be told there any more.
    """

    call: Callable[[Callable[[], None]], Any]
    turn: Callable[[], Callable[[], bool]]
    is_gone: Callable[[], bool]


def place(on: str, home: Home) -> Place:
    """Return the place on the stage's threads, or that on a run's loop.

    Raises:
        ValueError: There is no such place.
    """
    if on == "thread":
        return _STAGE
    if on == "loop":
        pace = Pace.of(home.loop)
        return Place(home.soon, lambda: lambda: pace.spent, home.loop.is_closed)
    raise ValueError(f"on is 'thread' or 'loop', not {on!r}.")


def _turn() -> Callable[[], bool]:
    until = perf_counter() + _TURN
    return lambda: perf_counter() > until


_STAGE = Place(STAGE.call, _turn, lambda: False)
