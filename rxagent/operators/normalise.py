"""The operator that brings the deltas of any provider into one form."""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Any

from reactivex import Observable, abc

from ..arguments import number, shown
from ..errors import MalformedReply
from ..events import (
    Delta,
    Finish,
    ReasoningDelta,
    RefusalDelta,
    StepRetried,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from ..finish_reasons import finish_of
from ..streams.sink import Sink, lift
from ._fragments import Fragments
from ._operator import operator

__all__ = ["check_fit", "normalise"]

_OF_CALLS = {ToolCallDelta, Finish, StepRetried}


@operator(takes="deltas")
def normalise(step: int = 1) -> Callable[[Observable[Delta]], Observable[Delta]]:
    """Bring the fragments of tool calls into one form: an index for each call, an id, a whole name.

    Providers number parallel calls alike, leave out ids or change them, send names in pieces or
    after the arguments, or send a call twice. After this operator the first fragment of a call has
    its own index, an id and the whole name, and later ones have arguments alone. A call that has
    no name at all is named ``unnamed``. Finish reasons are translated: ``max_tokens``
    becomes ``length``. Other deltas pass unchanged.

    .. marbles:: normalise/normalise

    Args:
        step: The number of the step, for the ids made where the provider gave none:
            ``call_<step>_<attempt>_<index>``.

    Raises:
        MalformedReply: An item is no delta, a field has a wrong type, or a finish reason is
            unknown; by `on_error`.
    """
    number("step", step, least=0, whole=True, what="the number of a step")

    return lift(lambda observer: _Normalising(observer, step))


class _Normalising(Sink[Delta, Delta]):
    __slots__ = ("_fragments",)

    def __init__(self, observer: abc.ObserverBase[Delta], step: int) -> None:
        super().__init__(observer)
        self._fragments = Fragments(step)

    def on_next(self, value: Any) -> None:
        kind = type(value)
        if kind is TextDelta and isinstance(value.text, str):
            self.observer.on_next(value)
            return
        try:
            check_fit(value)
            value = _in_our_word(value) if kind is Finish else value
        except MalformedReply as error:
            self.on_error(error)
            return
        if kind in _OF_CALLS:
            for piece in self._fragments.take(value):
                self.observer.on_next(piece)
        else:
            self.observer.on_next(value)

    def on_completed(self) -> None:
        for piece in self._fragments.flush():
            self.observer.on_next(piece)
        super().on_completed()


_TEXT = (str,)
_SOME_TEXT = (str, NoneType)
_COUNT = (int,)

_FITTING: dict[type, dict[str, tuple[type, ...]]] = {
    TextDelta: {"text": _TEXT},
    ReasoningDelta: {"text": _TEXT},
    RefusalDelta: {"text": _TEXT},
    ToolCallDelta: {
        "index": (int, NoneType),  # some providers leave it out
        "id": _SOME_TEXT,
        "name": _SOME_TEXT,
        "arguments": _SOME_TEXT,
    },
    Usage: {
        "input_tokens": _COUNT,
        "output_tokens": _COUNT,
        "cached_tokens": _COUNT,
        "reasoning_tokens": _COUNT,
        "cache_write_tokens": _COUNT,
        "model": _SOME_TEXT,
        "unreported": _COUNT,
    },
    Finish: {"reason": _TEXT},
    StepRetried: {"attempt": _COUNT, "error": _TEXT},
}


_REASONS = ("stop", "length", "tool_calls", "content_filter", "refusal", "interrupted")


def _in_our_word(finish: Finish) -> Finish:
    """Return a finish with the reason that its provider's word means.

    Raises:
        MalformedReply: The word is unknown, so the reply may have failed.
    """
    if finish.reason in _REASONS:
        return finish
    reason = finish_of(finish.reason)
    if reason is None:
        raise MalformedReply(
            f"The model sent {shown(finish)}, whose reason is unknown. If the reply failed, the "
            f"model must raise an error; else the reason is one of {', '.join(_REASONS)}."
        )
    return Finish(reason)


def check_fit(delta: Any) -> None:
    """Check that a value is a delta, and that its fields have the right types.

    Raises:
        MalformedReply: They have not.
    """
    if not isinstance(delta, Delta):
        raise MalformedReply(
            f"The model sent {shown(delta)}, which is no delta, as TextDelta('Hello') is one."
        )
    for name, kinds in _FITTING.get(type(delta), {}).items():
        if not isinstance(getattr(delta, name), kinds):
            wanted = " or ".join("None" if kind is NoneType else kind.__name__ for kind in kinds)
            raise MalformedReply(f"The model sent {shown(delta)}, whose {name} should be {wanted}.")
