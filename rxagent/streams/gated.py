"""Gates: streams that may emit on any thread, observed where the run happens."""

from threading import get_ident
from typing import TypeVar

from reactivex import Observable, abc

from .handoff import Handoff
from .home import Home, as_error
from .link import Link, Linked
from .observing import Observing

__all__ = ["gated"]

_T = TypeVar("_T")


def gated(source: Observable[_T]) -> Observable[_T]:
    """Emit what a source emits on the run's loop thread, whatever thread it emits on.

    It differs from `entering` in that the source is subscribed here and now, as its subscribing is
    known not to block, and in that what is emitted on the loop's thread passes at once.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        home = Home.of(scheduler)
        return _Gate(observer, home).follow(source, home)

    return Linked(subscribe)


class _Gate(Link[_T, _T]):
    __slots__ = ("_handoff", "_home")

    def __init__(self, observer: abc.ObserverBase[_T], home: Home) -> None:
        super().__init__(observer)
        self._home = home
        self._handoff: Handoff[_T] | None = None

    def on_next(self, value: _T) -> None:
        if self._home.inside == get_ident() and self._handoff is None:
            self.observer.on_next(value)
        else:
            self._by_hand.on_next(value)

    def on_error(self, error: Exception) -> None:
        if self._handoff is None and self._home.is_inside:
            super().on_error(as_error("A stream", error))
        else:
            self._by_hand.on_error(error)

    def on_completed(self) -> None:
        if self._handoff is None and self._home.is_inside:
            super().on_completed()
        else:
            self._by_hand.on_completed()

    @property
    def _by_hand(self) -> Handoff[_T]:
        # From the first notification that came elsewhere on, all go this way, in their order.
        if self._handoff is None:
            passing = Observing(self, self._pass, super().on_error, super().on_completed)
            self._handoff = Handoff(passing, self._home)
        return self._handoff

    def _pass(self, value: _T) -> None:
        self.observer.on_next(value)

    def dispose(self) -> None:
        super().dispose()
        if self._handoff is not None:
            self._handoff.dispose()
