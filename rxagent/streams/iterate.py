"""The loop under every agent: steps that follow from what the steps before have told."""

from collections.abc import Callable
from typing import TypeVar

from reactivex import Observable, abc
from reactivex.disposable import SerialDisposable
from reactivex.scheduler import CurrentThreadScheduler

__all__ = ["iterate"]

_S = TypeVar("_S")
_E = TypeVar("_E")


def iterate(
    step: Callable[[_S], Observable[_E]],
    fold: Callable[[_S, _E], _S],
    seed: Callable[[], _S],
    done: Callable[[_S], bool],
) -> Observable[_E]:
    """Emit the events of step after step, each made from the state that all events so far give.

    It differs from `expand` in that it is a loop, not a recursion: 100,000 steps need no more
    stack than one, also when steps end on other threads.

    Args:
        step: Makes the next step from the state.
        fold: Takes an event into the state, before the event is emitted.
        seed: Makes the first state of a subscription.
        done: Tells whether the state needs no further step; asked before each step.

    Raises:
        Exception: What one of the four has raised; by `on_error`.
    """

    def subscribe(
        observer: abc.ObserverBase[_E], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        current = SerialDisposable()
        state = seed()
        ended = True
        driving = False

        def on_next(event: _E) -> None:
            nonlocal state
            try:
                state = fold(state, event)
            except Exception as error:
                on_error(error)
                return
            observer.on_next(event)

        def on_error(error: Exception) -> None:
            current.dispose()
            observer.on_error(error)

        def on_completed() -> None:
            nonlocal ended
            ended = True
            drive()

        def drive(*_: object) -> None:
            nonlocal ended, driving
            if driving:
                return
            driving = True
            while ended and not current.is_disposed:
                ended = False
                try:
                    following = None if done(state) else step(state)
                except Exception as error:
                    on_error(error)
                    break
                if following is None:
                    observer.on_completed()
                    break
                current.disposable = following.subscribe(
                    on_next, on_error, on_completed, scheduler=scheduler
                )
            driving = False

        # Not at once, so that who subscribes can dispose in the first step already.
        (scheduler or CurrentThreadScheduler.singleton()).schedule(drive)
        return current

    return Observable(subscribe)
