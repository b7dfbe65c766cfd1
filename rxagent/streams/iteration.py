"""Iteration: the loop under every agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from reactivex import Observable, abc
from reactivex.scheduler import CurrentThreadScheduler

from .sink import Producer, Sink

__all__ = ["Aside", "iterate"]

_S = TypeVar("_S")
_E = TypeVar("_E")
_E_co = TypeVar("_E_co", covariant=True)


class Aside(Protocol[_E_co]):
    """Events that happen beside the steps of a loop."""

    def begin(
        self, notify: Callable[[], None], scheduler: abc.SchedulerBase | None
    ) -> abc.DisposableBase:
        """Call `notify`, on any thread, when there are events; until the result is disposed."""

    def take(self) -> Iterable[_E_co]:
        """Return the events that have not been taken."""

    def end(self) -> None:
        """Make no more events; those that were made are taken."""


def iterate(
    step: Callable[[_S], Observable[_E]],
    fold: Callable[[_S, _E], _S],
    seed: Callable[[], _S],
    done: Callable[[_S], bool],
    ended: Callable[[_S], _S] | None = None,
    first: Callable[[_S], _E | None] | None = None,
    aside: Aside[_E] | None = None,
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
        first: Makes the event before a step, from the same state; None for none. Nothing happens
            between that event and the subscription to the step.
        aside: Events that are emitted as they happen, beside those of a step; in a run only.

    Raises:
        Exception: What one of these has raised; by `on_error`.
    """

    def subscribe(
        observer: abc.ObserverBase[_E], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        steps = _Iteration(observer, scheduler, step, fold, seed(), done, ended, first)
        if aside is not None:
            steps.attend(aside)
        # Scheduled, so that the subscriber can dispose in the first step already.
        (scheduler or CurrentThreadScheduler.singleton()).schedule(steps.drive)
        return steps

    return Producer(subscribe)


class _Iteration(Sink[_E, _E], Generic[_S, _E]):
    __slots__ = (
        "_aside",
        "_attending",
        "_done",
        "_driving",
        "_first",
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
        first: Callable[[_S], _E | None] | None,
    ) -> None:
        super().__init__(observer)
        self._scheduler = scheduler
        self._run_scheduler = getattr(scheduler, "run_scheduler", None)
        self._step = step
        self._fold = fold
        self._state = state
        self._done = done
        self._when_ended = ended
        self._first = first
        self._aside: Aside[_E] | None = None
        self._attending: abc.DisposableBase | None = None
        self._has_ended = True
        self._driving = False

    def attend(self, aside: Aside[_E]) -> None:
        """Emit the events beside the steps, too."""
        self._aside = aside
        self._attending = aside.begin(self._notice, self._scheduler)
        if self.is_stopped:
            self._attending.dispose()

    def _notice(self) -> None:
        if self._run_scheduler is not None:
            self._run_scheduler.when_resumed(self._take_aside)

    def _take_aside(self) -> None:
        aside = self._aside
        if aside is None:
            return
        try:
            for event in aside.take():
                if self.is_stopped:
                    return
                self.on_next(event)
        except Exception as error:
            self._aside = None
            aside.end()
            self.on_error(error)

    def on_error(self, error: Exception) -> None:
        if self._aside is not None and not self.is_stopped:
            self._aside.end()
            self._take_aside()
            self._aside = None
        super().on_error(error)

    def dispose(self) -> None:
        super().dispose()
        self._aside = None
        if self._attending is not None:
            self._attending.dispose()

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
        if self._aside is not None:
            self._take_aside()
        if self.is_stopped:
            return
        self._has_ended = False
        state, first = self._state, None
        try:
            following = None if self._done(state) else self._step(state)
            if following is not None and self._first is not None:
                first = self._first(state)
        except Exception as error:
            self.on_error(error)
            return
        if following is None:
            super().on_completed()
            return
        if first is not None:
            self.on_next(first)
        if not self.is_stopped:
            self.follow(following, self._scheduler)
