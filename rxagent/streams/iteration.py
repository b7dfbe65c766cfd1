"""Iteration: the loop under every agent."""

from collections.abc import Callable
from typing import Generic, TypeVar

from reactivex import Observable, abc
from reactivex.scheduler import CurrentThreadScheduler

from .sink import Producer, Sink

__all__ = ["iterate"]

_S = TypeVar("_S")
_E = TypeVar("_E")


def iterate(
    step: Callable[[_S], Observable[_E]],
    fold: Callable[[_S, _E], _S],
    seed: Callable[[], _S],
    done: Callable[[_S], bool],
    ended: Callable[[_S], _S] | None = None,
) -> Observable[_E]:
    """Emit the events of step after step, each made from the state that all events so far give.

    It differs from `expand` in that it is a loop, not a recursion: 100,000 steps need no more
    stack than one. In a run each step is a turn of the run's queue, so other actions run between.

    Args:
        step: Makes the next step from the state.
        fold: Folds an event into the state, before the event is emitted.
        seed: Makes the first state of a subscription.
        done: Returns whether the state needs no further step; called before each step.
        ended: Makes the state after the end of a step, which may have had no events.

    Raises:
        Exception: What one of these has raised; by `on_error`.
    """

    def subscribe(
        observer: abc.ObserverBase[_E], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        steps = _Steps(observer, scheduler, step, fold, seed(), done, ended)
        # Scheduled, so that the subscriber can dispose in the first step already.
        (scheduler or CurrentThreadScheduler.singleton()).schedule(steps.drive)
        return steps

    return Producer(subscribe)


class _Steps(Sink[_E, _E], Generic[_S, _E]):
    __slots__ = (
        "_done",
        "_driving",
        "_fold",
        "_has_ended",
        "_run_scheduler",
        "_scheduler",
        "_state",
        "_step",
        "_when_ended",
    )

    def __init__(
        self,
        observer: abc.ObserverBase[_E],
        scheduler: abc.SchedulerBase | None,
        step: Callable[[_S], Observable[_E]],
        fold: Callable[[_S, _E], _S],
        state: _S,
        done: Callable[[_S], bool],
        ended: Callable[[_S], _S] | None,
    ) -> None:
        super().__init__(observer)
        self._scheduler = scheduler
        self._run_scheduler = getattr(scheduler, "run_scheduler", None)
        self._step = step
        self._fold = fold
        self._state = state
        self._done = done
        self._when_ended = ended
        self._has_ended = True
        self._driving = False

    def on_next(self, value: _E) -> None:
        try:
            self._state = self._fold(self._state, value)
        except Exception as error:
            self.on_error(error)
        else:
            self.observer.on_next(value)

    def on_completed(self) -> None:
        if self._when_ended is not None:
            try:
                self._state = self._when_ended(self._state)
            except Exception as error:
                self.on_error(error)
                return
        self._has_ended = True
        if self._run_scheduler is not None:
            self._run_scheduler.run_serialized(self._advance)
        elif not self._driving:
            self.drive()

    def drive(self, *_: object) -> None:
        """Take the next step; outside a run, also those that follow while each ends at once."""
        if self._run_scheduler is not None:
            self._advance()
            return
        self._driving = True
        while self._has_ended and not self.is_stopped:
            self._advance()
        self._driving = False

    def _advance(self) -> None:
        if self.is_stopped:
            return
        self._has_ended = False
        try:
            following = None if self._done(self._state) else self._step(self._state)
        except Exception as error:
            self.on_error(error)
            return
        if following is None:
            super().on_completed()
        else:
            self.follow(following, self._scheduler)
