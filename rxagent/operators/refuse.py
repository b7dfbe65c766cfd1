"""The operator that makes an error of a refusal."""

from collections.abc import Callable

from reactivex import Observable, abc

from ..errors import ModelRefused
from ..events import Delta, Finish, RefusalDelta, StepRetried
from ._brackets import takes_nothing

__all__ = ["unless_refused"]

_SIGNS = {Finish, RefusalDelta, StepRetried}
_REASONS = {"refusal": "The model declined to answer", "content_filter": "A filter cut the answer"}


@takes_nothing
def unless_refused() -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Pass a turn's deltas; when it ends as a refusal, raise ModelRefused instead of completing.

    .. marbles:: refuse/unless_refused

    Raises:
        ModelRefused: The model refused in words, or the finish reason says so; by `on_error`.
    """

    def passed(source: Observable[Delta]) -> Observable[Delta]:
        def subscribe(
            observer: abc.ObserverBase[Delta], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            emit = observer.on_next
            said = ""
            reason = ""

            def on_next(delta: Delta) -> None:
                if type(delta) in _SIGNS:
                    note(delta)
                emit(delta)

            def note(delta: Delta) -> None:
                nonlocal said, reason
                match delta:
                    case RefusalDelta(text) if text:
                        said += text
                        reason = reason or "refusal"
                    case Finish("refusal" | "content_filter"):
                        reason = delta.reason
                    case StepRetried():
                        said = reason = ""

            def on_completed() -> None:
                if reason:
                    observer.on_error(
                        ModelRefused(f"{_REASONS[reason]}{f': {said}' if said else '.'}")
                    )
                else:
                    observer.on_completed()

            return source.subscribe(on_next, observer.on_error, on_completed, scheduler=scheduler)

        return Observable(subscribe)

    return passed
