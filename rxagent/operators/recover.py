"""Operators that continue when a model or a run has failed."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from reactivex import Observable

from ..arguments import number, one_of
from ..errors import ModelError, describe
from ..events import Delta, Event, RunFailed
from ..messages import Request
from ..streams import operators as stream_ops
from ._errors import PASSING, Errors, chosen
from ._going_on import going_on
from ._models import Model, ModelOf, ask, speaks
from ._operator import Operator, operator

__all__ = ["fallback", "retry", "settle"]


def _retry_of_a_tool(
    attempts: int,
    delay: float = 1.0,
    max_delay: float = 60.0,
    on: Errors = Exception,
    midstream: bool = False,
    backoff: float = 2.0,
    jitter: float = 0.0,
) -> Operator:
    def says(_: Any) -> bool:  # each output has been shown
        return True

    return _retrying(attempts, delay, max_delay, on, midstream, backoff, jitter, says)


@operator(takes="deltas", tool=_retry_of_a_tool)
def retry(
    attempts: int,
    delay: float = 1.0,
    max_delay: float = 60.0,
    on: Errors = PASSING,
    midstream: bool = False,
    backoff: float = 2.0,
    jitter: float = 0.0,
) -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Ask a model again when it fails before it has said anything.

    It differs from `retry` of ReactiveX in that it waits before it asks again, and in that it
    emits StepRetried before it waits, so that its result is a model's stream again. Once the
    model has said something (text, reasoning, a refusal or a piece of a call, but not a report of
    usage) its error passes, unless `midstream` is set.

    The order matters. In ``pipe(timeout(...), retry(...))`` each attempt has the whole time, and
    one that is too slow is made again. In ``pipe(retry(...), timeout(...))`` all attempts share
    one time, their waits included, and ModelTimeout passes.

    Piped to a tool, it calls the tool again after any error, if `on` names none, unless the tool
    has emitted something. A run is not retried, as its tools would run twice: retry the model.

    .. marbles:: recover/retry

    Args:
        attempts: How often the model is asked, the first time included.
        delay: Seconds to wait before the second time, times `backoff` for each that follows. If
            the server names a time itself (Retry-After, of any status), that is waited instead.
        max_delay: The longest wait in seconds; when the server names more, the error passes.
        on: The errors after which the model is asked again, as types or as a predicate; any
            other passes.
        midstream: Also ask again when the model has said something. StepRetried then retracts
            it, which `text` does not show; `text_so_far` does.
        backoff: The factor by which each wait is longer than the one before.
        jitter: The random part of a wait, from 0 to 1, so that many runs do not come back at once.
            With 0.5, the wait is between half of its length and all of it. A time that the server
            names is not shortened.
    """
    return _retrying(attempts, delay, max_delay, on, midstream, backoff, jitter)


def _retrying(
    attempts: int,
    delay: float,
    max_delay: float,
    on: Errors,
    midstream: bool,
    backoff: float,
    jitter: float,
    says: Callable[[Any], bool] = speaks,
) -> Operator:
    number("attempts", attempts, least=1, whole=True, what="a number of requests")
    number("delay", delay, least=0)
    number("max_delay", max_delay, least=0)
    one_of("midstream", midstream, (True, False))
    number("backoff", backoff, least=1, what="a factor")
    number("jitter", jitter, least=0, what="a part from 0 to 1")
    if jitter > 1:
        raise ValueError(f"jitter must be a part from 0 to 1, not {jitter!r}.")
    is_meant = chosen(on)

    def own_wait(failures: int) -> float:
        try:
            wait = min(delay * float(backoff) ** (failures - 1), max_delay)
        except OverflowError:
            wait = max_delay if delay else 0.0
        return wait * (1 - jitter * random.random()) if jitter else wait

    def retried(source: Observable[Delta]) -> Observable[Delta]:
        def following(
            error: Exception, failures: int, spoken: bool
        ) -> tuple[float, Observable[Delta]] | None:
            named = error.retry_after if isinstance(error, ModelError) else None
            wait = own_wait(failures) if named is None else named
            again = failures < attempts and (midstream or not spoken) and is_meant(error)
            return (wait, source) if again and wait <= max_delay else None

        return going_on(source, following, says)

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
    is_meant = chosen(on)

    def answer(request: Request) -> Observable[Delta]:
        answers = [ask(model, request) for model in models]

        def following(
            error: Exception, failures: int, spoken: bool
        ) -> tuple[float, Observable[Delta]] | None:
            again = failures < len(answers) and (midstream or not spoken) and is_meant(error)
            return (0.0, answers[failures]) if again else None

        return going_on(answers[0], following)

    return ModelOf("fallback", models, answer, partial(fallback, on=on, midstream=midstream))


@operator(takes="events")
def settle() -> Callable[[Observable[Event]], Observable[Event]]:
    """Emit RunFailed and complete when a run fails, so that its end is always an event.

    .. marbles:: recover/settle
    """
    return stream_ops.catch(
        lambda error: stream_ops.of(RunFailed(type(error).__name__, describe(error)))
    )
