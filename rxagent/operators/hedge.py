"""Models that send a request to several models; the first to speak answers."""

from __future__ import annotations

from collections import deque
from functools import partial

from attrs import evolve
from reactivex import Observable, abc
from reactivex.disposable import Disposable, SerialDisposable, SingleAssignmentDisposable

from ..arguments import number
from ..errors import ModelError
from ..events import Delta, Usage
from ..messages import Request
from ..streams import RunScheduler, run_scoped
from ._models import Model, ModelOf, ask, speaks

__all__ = ["hedge", "race"]


def hedge(*models: Model, after: float) -> Model:
    """Return a model that asks the first one, and one more after each `after` seconds of silence.

    The first to speak (text, reasoning, refusal or call) answers, and the requests to the others
    are closed; usage that they had reported passes, and those that had reported none are counted
    in `unreported` of a report. When one fails, the next is asked at once.
    The silence counts from the moment when the request is sent, as it does for `timeout`.

    .. marbles:: hedge/hedge
    """
    number("after", after, least=0)
    return _first_to_speak("hedge", models, after)


def race(*models: Model) -> Model:
    """Return a model that asks several at once, and lets the first to speak answer.

    It differs from `amb` in what decides: text, reasoning, a refusal or a call, but neither a
    report of usage, which passes, nor a ModelError while others still run. What the losers have
    not reported is counted as `hedge` counts it.

    .. marbles:: hedge/race
    """
    return _first_to_speak("race", models, None)


_NOW = 1e-6
"""A timer that is due in fewer seconds is due now."""


def _first_to_speak(how: str, models: tuple[Model, ...], after: float | None) -> ModelOf:
    """Return a model that asks several, all at once or one more after so many seconds."""

    def answer(request: Request) -> Observable[Delta]:
        def subscribe(
            observer: abc.ObserverBase[Delta], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            race = ModelRace(models, request, after, observer, RunScheduler.of(scheduler))
            race.enter()
            return Disposable(race.dispose)

        return run_scoped(Observable(subscribe))

    return ModelOf(how, models, answer, partial(_again, how, after))


def _again(how: str, after: float | None, *models: Model) -> ModelOf:
    return _first_to_speak(how, models, after)


class ModelRace:
    """One answer, and the models that still contend for it."""

    def __init__(
        self,
        models: tuple[Model, ...],
        request: Request,
        after: float | None,
        observer: abc.ObserverBase[Delta],
        scheduler: RunScheduler,
    ) -> None:
        self._to_come = deque(models)
        self._request = request
        self._after = after
        self._observer = observer
        self._scheduler = scheduler
        self._timer = SerialDisposable()
        self._running: set[_Contender] = set()
        self._unreported: set[_Contender] = set()
        self._latest_report: Usage | None = None
        self._winner: _Contender | None = None
        self._asked_at = 0.0
        self._part = scheduler

    def enter(self, *_: object) -> None:
        """Ask the next model, and the others at their time."""
        model = self._to_come.popleft()
        contender = _Contender()
        self._running.add(contender)
        self._unreported.add(contender)
        self._part = self._scheduler.apart()
        contender.subscription.disposable = ask(model, self._request).subscribe(
            partial(self._on_next, contender),
            partial(self._on_error, contender),
            partial(self._on_completed, contender),
            scheduler=self._part,
        )
        if not self._to_come:
            self._timer.dispose()
        elif self._after is not None:
            self._asked_at = self._scheduler.time()
            self._timer.disposable = self._scheduler.schedule_relative(self._after, self._look)
        else:
            self.enter()

    def _look(self, *_: object) -> None:
        """Ask the next model, unless the latest request was sent too late for that."""
        assert self._after is not None
        since = self._part.silent_since(self._asked_at)
        left = since + self._after - self._scheduler.time()
        if left > _NOW:
            self._timer.disposable = self._scheduler.schedule_relative(left, self._look)
        else:
            self.enter()

    def dispose(self) -> None:
        """Ask no further model, and close all requests."""
        self._to_come.clear()
        self._timer.dispose()
        for contender in self._running:
            contender.subscription.dispose()

    def _on_next(self, contender: _Contender, delta: Delta) -> None:
        if self._winner is None and speaks(delta):
            self._win(contender)
        if isinstance(delta, Usage):
            self._unreported.discard(contender)
            self._report(delta)
        elif self._winner is contender:
            self._observer.on_next(delta)
        else:
            contender.waiting.append(delta)

    def _report(self, usage: Usage) -> None:
        """Emit a report; once the race is decided, it counts those who have not reported."""
        if self._winner is not None:
            unreported = usage.unreported + len(self._unreported)
            usage = evolve(usage, unreported=unreported)
            self._unreported.clear()
        self._latest_report = usage
        self._observer.on_next(usage)

    def _win(self, contender: _Contender) -> None:
        self._winner = contender
        self._running.discard(contender)
        self.dispose()
        self._running = {contender}
        for delta in contender.waiting:
            self._observer.on_next(delta)

    def _on_error(self, contender: _Contender, error: Exception) -> None:
        self._unreported.discard(contender)
        if isinstance(error, ModelError) and self._goes_on_without(contender):
            return
        self.dispose()
        self._observer.on_error(error)

    def _on_completed(self, contender: _Contender) -> None:
        if not self._goes_on_without(contender):
            if self._winner is None:
                self._win(contender)
            if self._unreported and self._latest_report is not None:
                self._report(Usage(0, 0, model=self._latest_report.model))
            self._observer.on_completed()

    def _goes_on_without(self, contender: _Contender) -> bool:
        """Ask the next model, if there is one; return whether any may still answer."""
        self._running.discard(contender)
        contender.subscription.dispose()
        if self._to_come:
            self.enter()
            return True
        return bool(self._running)


class _Contender:
    """A model that was asked, and its deltas that wait for it to win."""

    def __init__(self) -> None:
        self.subscription = SingleAssignmentDisposable()
        self.waiting: list[Delta] = []
