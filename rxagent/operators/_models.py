"""Models made of other models: what `fallback`, `hedge` and `race` have in common."""

from collections.abc import Callable, Iterable
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction
from typing import Any, ClassVar, TypeAlias

from attrs import field, frozen
from reactivex import Observable

from ..arguments import shown
from ..events import Delta, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ..messages import Message, Request
from ..pickling import portable
from ..streams import observe_on_run
from ..streams import operators as stream_ops

__all__ = ["Model", "ModelOf", "ask", "speaks"]

Model: TypeAlias = Callable[[Request], Observable[Delta]]
"""A function that answers a request by a cold stream of deltas."""

_TEXTS = (TextDelta, ReasoningDelta, RefusalDelta)
_NO_STREAMS = (iscoroutinefunction, isgeneratorfunction, isasyncgenfunction)


def _is_model(_: Any, __: Any, models: tuple[Any, ...]) -> None:
    if not models:
        raise TypeError("No model is given. Give one or more, as fallback(big, small).")
    for model in models:
        if isinstance(model, str):
            raise TypeError(
                f"{model!r} is the name of a model. Write resolve({model!r}), "
                "with `from rxagent.models import resolve`."
            )
        if not callable(model) or isclass(model):
            raise TypeError(
                f"{shown(model)} is no model, which is called with a Request. "
                "Several are given one by one: (big, small)."
            )
        if any(returns_no_stream(model) for returns_no_stream in _NO_STREAMS):
            raise TypeError(_adapt(model))


@frozen(repr=False)
class ModelOf:
    """A model that is made of others.

    Attributes:
        how: The operator's name.
        models: The models that it is made of.
        answer: Makes the answer to a request.
        again: Makes the same of other models, in another process too.
    """

    is_model: ClassVar[bool] = True

    how: str
    models: tuple[Model, ...] = field(validator=_is_model)
    answer: Callable[[Request], Observable[Delta]]
    again: Callable[..., Model]

    def __reduce__(self) -> tuple[Any, ...]:
        owner, models = f"The model {self!r}", self.models
        return self.again, tuple(portable(owner, "one of its models", model) for model in models)

    def __copy__(self) -> "ModelOf":
        return self

    def __deepcopy__(self, _: Any) -> "ModelOf":  # as a function is copied
        return self

    def __call__(self, request: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        """Return the deltas of an answer; each subscription sends the request again."""
        return self.answer(Request.of(request))

    def __repr__(self) -> str:
        return f"{self.how}({', '.join(map(repr, self.models))})"


def speaks(delta: Delta) -> bool:
    """Return whether a delta holds text, reasoning, a refusal, or a piece of a call.

    A report of usage does not count, and neither does an empty text.
    """
    return isinstance(delta, ToolCallDelta) or (isinstance(delta, _TEXTS) and bool(delta.text))


def ask(model: Model, request: Request) -> Observable[Delta]:
    """Return a model's answer, requested at subscribe; what the model raises is its `on_error`.

    The answer of a plain function is observed on the run's loop thread.
    """

    def answer() -> Observable[Delta]:
        stream = model(request)
        if not isinstance(stream, Observable):
            raise TypeError(_adapt(model))
        return stream

    deltas = stream_ops.defer(answer)
    return deltas if getattr(model, "is_model", False) else observe_on_run(deltas)


def _adapt(model: Any) -> str:
    return (
        f"{shown(model)} does not return an Observable of deltas. Write as_model(...) around it, "
        "with `from rxagent.models import as_model`."
    )
