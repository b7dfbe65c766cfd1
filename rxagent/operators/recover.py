"""Operators that go on when a model or a run has failed."""

from collections.abc import Callable, Iterable

import reactivex as rx
from reactivex import Observable, abc
from reactivex import operators as rxo
from reactivex.disposable import SerialDisposable, SingleAssignmentDisposable

from ..arguments import number, several
from ..errors import ModelError, ModelTimeout, ModelUnavailable, RateLimited, describe
from ..events import Delta, Event, RunFailed, StepRetried
from ..messages import Request
from ..streams import Home, at_home
from ._brackets import takes_nothing
from ._speech import SPEECH, Model, ModelOf, ask

__all__ = ["fallback", "retry", "settle"]


def retry(
    attempts: int,
    delay: float = 1.0,
    max_delay: float = 60.0,
    on: type[Exception] | Iterable[type[Exception]] = (ModelUnavailable, RateLimited, ModelTimeout),
    midstream: bool = False,
) -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Ask a model again when it fails before it has begun to speak.

    It differs from `retry` of ReactiveX in that it waits before it asks again, and in that it
    emits StepRetried before it waits, so what it returns is a model's stream again.

    .. marbles:: recover/retry

    Args:
        attempts: How often the model is asked, the first time included.
        delay: Seconds to wait before the second time, doubled for each that follows. A rate
            limit that names its own time is waited out for as long as it says.
        max_delay: The longest wait in seconds; when the model asks for more, its error passes.
        on: The errors after which the model is asked again; any other passes.
        midstream: Ask again also when some text, reasoning or call has come already.
    """
    number("attempts", attempts, least=1, whole=True, what="how often the model is asked in all")
    number("delay", delay, least=0)
    number("max_delay", max_delay, least=0)
    errors = several("on", (on,) if isinstance(on, type) else on, "types of errors", type)

    def retried(source: Observable[Delta]) -> Observable[Delta]:
        def following(
            error: Exception, failures: int, spoken: bool
        ) -> tuple[float, Observable[Delta]] | None:
            wait = min(delay * 2 ** (failures - 1), max_delay)
            if isinstance(error, RateLimited) and error.retry_after is not None:
                wait = error.retry_after
            again = failures < attempts and isinstance(error, errors) and (midstream or not spoken)
            return (wait, source) if again and wait <= max_delay else None

        return _going_on(source, following)

    return retried


def fallback(*models: Model) -> Model:
    """Return a model that asks the first one, and the next one whenever one has failed.

    It differs from `catch` in that it emits StepRetried in between, so whatever a failed model
    has said is void; and in that it goes on after a ModelError only.

    .. marbles:: recover/fallback
    """

    def answer(request: Request) -> Observable[Delta]:
        answers = [ask(model, request) for model in models]

        def following(
            error: Exception, failures: int, spoken: bool
        ) -> tuple[float, Observable[Delta]] | None:
            again = failures < len(answers) and isinstance(error, ModelError)
            return (0.0, answers[failures]) if again else None

        return _going_on(answers[0], following)

    return ModelOf("fallback", models, answer)


@takes_nothing
def settle() -> Callable[[Observable[Event]], Observable[Event]]:
    """Emit RunFailed and complete when a run fails, so that its end is always an event.

    .. marbles:: recover/settle
    """
    return rxo.catch(lambda error, _: rx.of(RunFailed(type(error).__name__, describe(error))))


def _going_on(
    first: Observable[Delta],
    following: Callable[[Exception, int, bool], tuple[float, Observable[Delta]] | None],
) -> Observable[Delta]:
    """Emit a stream; when it fails, emit StepRetried and go on with the one that follows.

    `following(error, failures, spoken)` returns after how many seconds to go on, and with what;
    None lets the error pass.
    """

    def subscribe(
        observer: abc.ObserverBase[Delta], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        home = Home.of(scheduler)
        current = SerialDisposable()
        failures = retractions = 0
        spoken = False

        def on_next(delta: Delta) -> None:
            nonlocal spoken, retractions
            if isinstance(delta, SPEECH):
                spoken = True
            elif isinstance(delta, StepRetried):
                spoken = False
                retractions += 1
            observer.on_next(delta)

        def on_error(error: Exception) -> None:
            nonlocal failures
            failures += 1
            way = following(error, failures, spoken)
            if way is None:
                observer.on_error(error)
                return
            wait, source = way
            on_next(StepRetried(retractions + 1, describe(error)))
            if wait > 0:
                current.disposable = home.schedule_relative(wait, lambda *_: begin(source))
            else:
                current.disposable = home.schedule(lambda *_: begin(source))

        def begin(source: Observable[Delta]) -> None:
            current.disposable = attempt = SingleAssignmentDisposable()
            attempt.disposable = source.subscribe(
                on_next, on_error, observer.on_completed, scheduler=home
            )

        begin(first)
        return current

    return at_home(Observable(subscribe))
