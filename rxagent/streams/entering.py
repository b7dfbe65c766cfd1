"""Entering: streams of foreign code, observed where the run happens."""

from typing import Generic, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import SingleAssignmentDisposable

from .handoff import Handoff
from .home import Home, as_error
from .link import Link, Linked
from .strand import Strand

__all__ = ["entering"]

_T = TypeVar("_T")


def entering(source: Observable[_T]) -> Observable[_T]:
    """Emit what a source emits, on whatever thread, on the run's loop thread.

    It differs from `observe_on` in that the source is subscribed on a worker, as it may block, and
    in that it waits when it is 64 items ahead or while the run is held.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        home = Home.of(scheduler)
        entry = _Entry(observer, home)
        entry.begin(source)
        return entry

    return Linked(subscribe)


class _Entry(abc.DisposableBase, Generic[_T]):
    """One subscription to a source of foreign code; any thread may dispose it."""

    __slots__ = ("_handoff", "_home", "_strand", "_subscription")

    def __init__(self, observer: abc.ObserverBase[_T], home: Home) -> None:
        self._home = home
        self._handoff = Handoff(observer, home)
        self._strand = Strand(home)
        self._subscription = SingleAssignmentDisposable()

    def begin(self, source: Observable[_T]) -> None:
        if getattr(source, "never_blocks", False):
            self._home.gate(self._subscribe, source, self._home)
        else:
            self._strand.call(self._subscribe, source, self._strand)

    def _subscribe(self, source: Observable[_T], scheduler: abc.SchedulerBase) -> None:
        if self._handoff.is_disposed:
            return
        try:
            # As a link it is notified directly by a stream of ours.
            self._subscription.disposable = source.subscribe(
                Link(self._handoff), scheduler=scheduler
            )
        except BaseException as error:
            self._handoff.on_error(as_error("A stream", error))

    def dispose(self) -> None:
        self._handoff.dispose()
        self._home.post(self._subscription.dispose)
        self._strand.dispose()
