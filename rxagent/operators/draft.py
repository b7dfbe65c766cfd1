"""A draft: a small model's answer is shown at once, and replaced if a judge refuses it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from reactivex import Observable, abc, compose

from ..arguments import shown
from ..errors import ModelError
from ..events import Delta, Finish, StepRetried, Usage
from ..messages import Message, Request
from ..streams import observe_on_run
from ..streams import operators as stream_ops
from ..streams.calls import Returned, calling, cause_of
from ..streams.sink import Sink, lift
from ._going_on import going_on
from ._models import Model, ModelOf, ask
from .accumulate import accumulate
from .branch import branch
from .normalise import normalise
from .refuse import unless_refused

__all__ = ["draft"]


def draft(small: Model, big: Model, *, accept: Callable[[Request, Message], Any]) -> Model:
    """Return a model that shows what a small model says, and asks a big one if a judge refuses it.

    The draft is emitted while the small model speaks; the judge is asked before its Finish is
    emitted. If the judge refuses it, or if the small model fails or declines, StepRetried retracts
    it and the big model answers. `text` does not show a retraction; `text_so_far` does.

    .. marbles:: draft/draft

    Args:
        small: The model that is asked first.
        big: The model that is asked when the draft is refused.
        accept: The judge: ``accept(request, message)`` returns whether the message is an answer to
            the request, True or False. It may block, be asynchronous, or return a stream of deltas
            and a verdict, as a model that judges does; the usage in it counts.
    """
    if not callable(accept) or getattr(accept, "is_model", False) or hasattr(accept, "as_tool"):
        raise TypeError(
            "accept must be a function accept(request, message) that returns True or False, not "
            f"{shown(accept)}. It may ask a model, and return a stream of deltas and a verdict."
        )

    def answer(request: Request) -> Observable[Delta]:
        judged = ask(small, request).pipe(unless_refused(), _judging(partial(accept, request)))

        def following(
            error: Exception, failures: int, spoken: bool
        ) -> tuple[float, Observable[Delta]] | None:
            again = failures == 1 and isinstance(error, ModelError)
            return (0.0, ask(big, request)) if again else None

        return going_on(judged, following)

    return ModelOf("draft", (small, big), answer, partial(draft, accept=accept))


class DraftRefused(ModelError):
    """The judge refused the draft; another model is asked."""


def _judging(judge: Callable[[Message], Any]) -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Emit the deltas of a draft, and hold its Finish until it is accepted."""

    def judged(message: Message) -> Observable[bool | Delta]:
        verdict = calling(partial(judge, message), name="the judge of a draft")
        return verdict.pipe(
            stream_ops.flat_map(_items), stream_ops.map(_read), stream_ops.catch(_fail)
        )

    verdicts = compose(normalise(), accumulate(partial=False), stream_ops.flat_map(judged))
    return compose(branch(verdicts), lift(_Judging))


def _items(value: Any) -> Observable[Any]:
    match value:
        case Returned(Observable() as stream):
            return observe_on_run(stream)
        case Returned(returned):
            return stream_ops.of(returned)
        case _:
            return stream_ops.of(value)


def _read(value: Any) -> Any:
    if isinstance(value, Usage | bool):
        return value
    if isinstance(value, Delta):  # what a judge says is not part of the answer
        return None
    raise TypeError(
        f"accept must return True or False, not {shown(value)}: "
        "whether the draft is an answer to the request."
    )


def _fail(error: Exception) -> Observable[Any]:
    raise cause_of(error)


class _Judging(Sink[Any, Delta]):
    """Passes deltas on; what is neither a delta nor None is a verdict."""

    __slots__ = ("_finish", "_is_accepted")

    def __init__(self, observer: abc.ObserverBase[Delta]) -> None:
        super().__init__(observer)
        self._finish: Finish | None = None
        self._is_accepted = False

    def on_next(self, value: Any) -> None:
        match value:
            case None:
                return
            case bool():
                self._decide(value)
            case Finish() if not self._is_accepted:
                self._finish = value
            case StepRetried():
                self._finish = None
                self.observer.on_next(value)
            case _:
                self.observer.on_next(value)

    def _decide(self, verdict: bool) -> None:
        if self._is_accepted:
            return
        if not verdict:
            self.on_error(DraftRefused("The judge did not accept the draft."))
            return
        self._is_accepted = True
        if self._finish is not None:
            self.observer.on_next(self._finish)

    def on_completed(self) -> None:
        if self._is_accepted:
            super().on_completed()
        else:
            self.on_error(TypeError("accept must return True or False; it emitted neither."))
