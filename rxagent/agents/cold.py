"""Cold runs: what an agent returns."""

from collections.abc import Callable
from typing import Any

from reactivex import Observable, abc

from ..events import Event

__all__ = ["ColdRun"]


class ColdRun(Observable[Event]):
    """A run that has not begun: subscribing to it begins one, each time anew.

    It differs from other Observables in that a `for` over it is an error that says what to write;
    over those it goes on for ever, as Python takes whatever has `[...]` for a list.
    """

    def __init__(self, source: Observable[Event]) -> None:
        super().__init__()
        self._source = source

    def subscribe(
        self,
        on_next: Any = None,
        on_error: Callable[[Exception], Any] | None = None,
        on_completed: Callable[[], Any] | None = None,
        *,
        scheduler: abc.SchedulerBase | None = None,
    ) -> abc.DisposableBase:
        """Begin a run, and tell an observer of it; disposing what is returned cancels it."""
        return self._source.subscribe(on_next, on_error, on_completed, scheduler=scheduler)

    def __getitem__(self, key: slice | int) -> Observable[Event]:
        if not isinstance(key, slice):
            raise TypeError(
                "A run is a stream, no list. Loop over it with `for event in each(agent(task))`, "
                "under asyncio with `async for`; with `from rxagent import each`."
            )
        return super().__getitem__(key)
