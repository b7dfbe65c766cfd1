"""Operators that continue when a model or a run has failed."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeAlias

from reactivex import Observable, abc
from reactivex.disposable import SerialDisposable

from ..arguments import number, one_of, several
from ..errors import ModelError, ModelTimeout, ModelUnavailable, RateLimited, describe
from ..events import Delta, Event, RunFailed, StepRetried
from ..messages import Request
from ..streams import RunScheduler, run_scoped
from ..streams import operators as stream_ops
from ..streams.sink import Producer, Sink
from ._models import Model, ModelOf, ask, speaks
from ._operator import operator

__all__ = ["fallback", "retry", "settle"]

Errors: TypeAlias = type[Exception] | Iterable[type[Exception]] | Callable[[Exception], bool]
"""Which errors: of a type, of one of several, or those that a predicate accepts."""

_Following: TypeAlias = Callable[[Exception, int, bool], tuple[float, Observable[Delta]] | None]


@operator(takes="deltas")
def retry(
    attempts: int,
    delay: float = 1.0,
    max_delay: float = 60.0,
    on: Errors = (ModelUnavailable, RateLimited, ModelTimeout),
    midstream: bool = False,
) -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Ask a model again when it fails before it has said anything.

    It differs from `retry` of ReactiveX in that it waits before it asks again, and in that it
    emits StepRetried before it waits, so that its result is a model's stream again. Once the
    model has said something (text, reasoning, a refusal or a piece of a call, but not a report of
    usage) its error passes, unless `midstream` is set.

    The order matters. In ``pipe(timeout(...), retry(...))`` each attempt has the whole time, and
    one that is too slow is made again. In ``pipe(retry(...), timeout(...))`` all attempts share
    one time, their waits included, and ModelTimeout passes.

    .. marbles:: recover/retry

    Args:
        attempts: How often the model is asked, the first time included.
        delay: Seconds to wait before the second time, doubled for each that follows. If the
            server names a time itself (Retry-After, of any status), that is waited instead.
        max_delay: The longest wait in seconds; when the server names more, the error passes.
        on: The errors after which the model is asked again, as types or as a predicate; any
            other passes.
        midstream: Also ask again when the model has said something. StepRetried then retracts
            it, which `text` does not show; `text_so_far` does.
    """
    number("attempts", attempts, least=1, whole=True, what="a number of requests")
    number("delay", delay, least=0)
    number("max_delay", max_delay, least=0)
    one_of("midstream", midstream, (True, False))
    is_meant = _predicate(on)

    def retried(source: Observable[Delta]) -> Observable[Delta]:
        def following(
            error: Exception, failures: int, spoken: bool
        ) -> tuple[float, Observable[Delta]] | None:
            wait = min(delay * 2 ** (failures - 1), max_delay)
            if isinstance(error, ModelError) and error.retry_after is not None:
                wait = error.retry_after
            again = failures < attempts and (midstream or not spoken) and is_meant(error)
            return (wait, source) if again and wait <= max_delay else None

        return _going_on(source, following)

    return retried


def fallback(*models: Model, on: Errors = ModelError, midstream: bool = False) -> Model:
    """Return a model that asks the first one, and the next when one fails before it speaks.

    It differs from `catch` in that it emits StepRetried in between; in that it continues after a
    ModelError only; and in that the error of a model that has said something passes, as with
    `retry`.

    .. marbles:: recover/fallback

    Args:
        models: The models, in the order in which they are asked.
        on: The errors after which the next one is asked, as types or as a predicate; any other
            passes.
        midstream: Also continue when the failed model has said something, which StepRetried
            retracts. `text` does not show a retraction; `text_so_far` does.
    """
    one_of("midstream", midstream, (True, False))
    is_meant = _predicate(on)

    def answer(request: Request) -> Observable[Delta]:
        answers = [ask(model, request) for model in models]

        def following(
            error: Exception, failures: int, spoken: bool
        ) -> tuple[float, Observable[Delta]] | None:
            again = failures < len(answers) and (midstream or not spoken) and is_meant(error)
            return (0.0, answers[failures]) if again else None

        return _going_on(answers[0], following)

    return ModelOf("fallback", models, answer, partial(fallback, on=on, midstream=midstream))


@operator(takes="events")
def settle() -> Callable[[Observable[Event]], Observable[Event]]:
    """Emit RunFailed and complete when a run fails, so that its end is always an event.

    .. marbles:: recover/settle
    """
    return stream_ops.catch(
        lambda error: stream_ops.of(RunFailed(type(error).__name__, describe(error)))
    )


def _predicate(on: Errors) -> Callable[[Exception], bool]:
    if not isinstance(on, type) and callable(on):
        return on
    types = several("on", (on,) if isinstance(on, type) else on, "types of errors", type)
    return lambda error: isinstance(error, types)


def _going_on(first: Observable[Delta], following: _Following) -> Observable[Delta]:
    """Emit a stream; when it fails, emit StepRetried and continue with the one that follows.

    `following(error, failures, spoken)` returns after how many seconds to continue, and with
    which stream; if it returns None, the error passes.
    """

    def subscribe(
        observer: abc.ObserverBase[Delta], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        return _GoingOn(observer, run_scheduler, following).follow(first, run_scheduler)

    return run_scoped(Producer(subscribe))


class _GoingOn(Sink[Delta, Delta]):
    __slots__ = ("_failures", "_following", "_retractions", "_scheduler", "_spoken", "_wait")

    def __init__(
        self, observer: abc.ObserverBase[Delta], scheduler: RunScheduler, following: _Following
    ) -> None:
        super().__init__(observer)
        self._scheduler = scheduler
        self._following = following
        self._failures = self._retractions = 0
        self._spoken = False
        self._wait = SerialDisposable()

    def on_next(self, value: Delta) -> None:
        if isinstance(value, StepRetried):
            self._spoken = False
            self._retractions += 1
        elif not self._spoken:
            self._spoken = speaks(value)
        self.observer.on_next(value)

    def on_error(self, error: Exception) -> None:
        self._failures += 1
        next_one = self._following(error, self._failures, self._spoken)
        if next_one is None:
            super().on_error(error)
            return
        wait, source = next_one
        self.on_next(StepRetried(self._retractions + 1, describe(error)))

        def go_on(*_: object) -> None:
            self.follow(source, self._scheduler)

        if wait > 0:
            self._wait.disposable = self._scheduler.schedule_relative(wait, go_on)
        else:
            self._wait.disposable = self._scheduler.schedule(go_on)

    def dispose(self) -> None:
        super().dispose()
        self._wait.dispose()
