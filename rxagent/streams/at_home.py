"""Being at home: a stream whose every subscription is a run of its own."""

from typing import TypeVar

from reactivex import Observable, abc
from reactivex.disposable import SingleAssignmentDisposable

from ..errors import RunCancelled
from .home import Home
from .link import Linked
from .loop import closing, disposing_with_loop, opening

__all__ = ["at_home"]

_T = TypeVar("_T")


def at_home(source: Observable[_T]) -> Observable[_T]:
    """Give every subscription of a source a home of its own, unless it comes with one.

    It begins on the home's loop, so subscribing returns before the first item, unless it is
    subscribed from within a run, whose part it then is. When a subscriber of such a run raises,
    the run is disposed and the fault is logged.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        home = Home.of(scheduler)
        if home.is_inside:
            return source.subscribe(observer, scheduler=home)
        subscription = SingleAssignmentDisposable()
        if home is not scheduler:
            home.owns(subscription)
            home.soon(disposing_with_loop)
        ticket = opening("rxagent-run", home.loop, subscription.dispose)

        def begin() -> None:
            if not subscription.is_disposed:
                subscription.disposable = source.subscribe(observer, scheduler=home)
            # What this has set going notes itself in the gate, which is passed by then.
            if not home.soon(closing, ticket):
                closing(ticket)

        if not home.soon(home.gate, begin):
            closing(ticket)
            raise RunCancelled("The event loop of this run is closed.")
        return subscription

    return Linked(subscribe)
