"""Models made of other models: what `fallback`, `hedge` and `race` have in common, and `pipe`.

.. code-block:: text

    model.pipe(timeout(idle=20), rate_limit(requests=60))     a model
               │                 └ takes the model made so far, since it reads requests
               └ takes the stream of each answer
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial, wraps
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction, signature
from typing import Any, ClassVar, ParamSpec, TypeAlias

from attrs import field, frozen
from reactivex import Observable

from ..arguments import shown
from ..events import Delta, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ..messages import Message, Request
from ..pickling import Shared, portable
from ..streams import observe_on_run, run_scoped
from ..streams import operators as stream_ops
from ..streams.sink import Sink, lift
from ._operator import (
    Operator,
    Place,
    applied,
    call_of,
    checked,
    is_sure,
    name_of,
    remade,
    written_call,
)

__all__ = [
    "Answer",
    "Model",
    "ModelOf",
    "ModelOperator",
    "Pipeable",
    "PipedModel",
    "ask",
    "model_operator",
    "speaks",
]

_P = ParamSpec("_P")

Model: TypeAlias = Callable[[Request], Observable[Delta]]
"""A function that answers a request by a cold stream of deltas."""

Answer: TypeAlias = Callable[[Model, Request], Observable[Delta]]
"""Answers a request by means of a model, which it asks by `ask(model, request)`."""

_MODEL = Place("model", "deltas", "model(request)")
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


class Pipeable:
    """A model to which operators can be piped."""

    __slots__ = ()

    is_model: ClassVar[bool] = True
    """Lets `as_model` return it as it is: a call returns at once, with an Observable of deltas."""

    def pipe(self, *operators: Operator) -> PipedModel:
        """Return the model whose answers pass through operators, one after the other.

        An operator is a function from a stream of deltas to another one: of `rxagent.operators`,
        of ReactiveX, or your own. Those that read requests, as `rate_limit` does, take the model
        made so far. An operator is applied again to each answer.

        Raises:
            TypeError: An operator cannot be piped to a model; the message says where it can.
                By `on_error` if that is known only from what it emits.
        """
        return PipedModel(self, operators)  # type: ignore[arg-type]  # its subclasses are called


@frozen(repr=False)
class ModelOf(Shared, Pipeable):
    """A model that is made of others.

    Attributes:
        how: The operator's name.
        models: The models that it is made of.
        answer: Makes the answer to a request.
        again: Makes the same of other models, in another process too.
    """

    how: str
    models: tuple[Model, ...] = field(validator=_is_model)
    answer: Callable[[Request], Observable[Delta]]
    again: Callable[..., Model]

    def __reduce__(self) -> tuple[Any, ...]:
        owner, models = f"The model {self!r}", self.models
        return self.again, tuple(portable(owner, "one of its models", model) for model in models)

    def __call__(self, request: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        """Return the deltas of an answer; each subscription sends the request again."""
        return self.answer(Request.of(request))

    def __repr__(self) -> str:
        return f"{self.how}({', '.join(map(repr, self.models))})"


@frozen(init=False, repr=False)
class PipedModel(Shared, Pipeable):
    """A model whose answers pass through operators.

    Attributes:
        model: The model that is asked.
        operators: The operators, in their order.
    """

    model: Model
    operators: tuple[Operator, ...]
    _made: Model = field(eq=False)

    def __init__(self, model: Model, operators: tuple[Operator, ...]) -> None:
        made, streams = model, list[Operator]()
        for given in checked(_MODEL, operators):
            if getattr(given, "takes_model", False):
                made = given(_Streamed(made, tuple(streams)) if streams else made)
                streams.clear()
            else:
                streams.append(given)
        self.__attrs_init__(model, operators, _Streamed(made, tuple(streams)))

    def __reduce__(self) -> tuple[Any, ...]:
        owner = f"The model {self!r}"
        operators = [portable(owner, "one of its operators", one) for one in self.operators]
        return PipedModel, (portable(owner, "its model", self.model), tuple(operators))

    def __call__(self, request: Request | str | Message | Iterable[Message]) -> Observable[Delta]:
        """Return the deltas of an answer; each subscription sends the request again."""
        return self._made(Request.of(request))

    def __repr__(self) -> str:
        return f"{self.model!r}.pipe({', '.join(map(call_of, self.operators))})"


@frozen
class _Streamed:
    """A model whose stream passes through operators on streams."""

    is_model: ClassVar[bool] = True

    model: Model
    operators: tuple[Operator, ...]

    def __call__(self, request: Request) -> Observable[Delta]:
        def answer() -> Observable[Delta]:
            deltas: Observable[Delta] = applied(_MODEL, self.operators, ask(self.model, request))
            if all(map(is_sure, self.operators)):
                return deltas
            return lift(partial(_OnlyDeltas, self.operators))(deltas)

        return run_scoped(stream_ops.defer(answer))


class _OnlyDeltas(Sink[Any, Delta]):
    """Refuses what a model cannot emit."""

    __slots__ = ("_operators",)

    def __init__(self, operators: tuple[Operator, ...], observer: Any) -> None:
        super().__init__(observer)
        self._operators = operators

    def on_next(self, value: Any) -> None:
        if isinstance(value, Delta):
            self.observer.on_next(value)
        else:
            names = ", ".join(map(name_of, self._operators))
            self.on_error(
                TypeError(
                    f"model.pipe({names}) emits {shown(value)} of type {type(value).__name__}, and "
                    "a model emits deltas. Pipe what emits something else to the stream: "
                    "`model(request).pipe(...)`, or `agent(task).pipe(...)`."
                )
            )


@frozen(eq=False, repr=False)
class ModelOperator(Shared):
    """A function from a model to a model, as an operator that reads requests is once it is called.

    What it shares between requests, as the limit of a rate, belongs to this object: it is shared
    by all models that it is piped to. A copy in another process has its own.
    """

    takes_model: ClassVar[bool] = True
    """Lets `pipe` give it the model made so far, and not a stream."""

    written: str
    """How it is written, as ``ops.rate_limit(...)``."""

    _make: Callable[..., ModelOperator]
    _arguments: tuple[Any, ...]
    _named: Mapping[str, Any]
    _answer: Answer

    def __call__(self, model: Any) -> ModelOf:
        """Return the model that it makes of another one."""
        if not callable(model) or isclass(model) or hasattr(model, "as_tool"):
            given = "a stream" if isinstance(model, Observable) else shown(model)
            raise TypeError(
                f"{self.written} takes a model, since it reads requests, not {given}. "
                f"Write `Agent(model.pipe({self.written}))`."
            )

        def answer(request: Request) -> Observable[Delta]:
            return run_scoped(stream_ops.defer(partial(self._answer, model, request)))

        return ModelOf(repr(self), (model,), answer, self)

    def __repr__(self) -> str:
        return written_call(self._make, self._arguments, self._named)

    def __reduce__(self) -> tuple[Any, ...]:
        return remade(self, self._make, self._arguments, self._named)


def model_operator(make: Callable[_P, Answer]) -> Callable[_P, ModelOperator]:
    """Let a function make an operator that takes a model, since it reads requests.

    .. code-block:: python

        @model_operator
        def counted(most: int) -> Answer:
            left = [most]  # shared by all requests

            def answer(model: Model, request: Request) -> Observable[Delta]:
                left[0] -= 1
                return ask(model, request) if left[0] >= 0 else rx.throw(...)

            return answer

    That function is called each time an answer is subscribed to, on the loop's thread of the run.

    Args:
        make: Makes the function that answers a request by means of a model.
    """
    written = f"ops.{make.__name__}(...)"

    @wraps(make)
    def made(*arguments: _P.args, **named: _P.kwargs) -> ModelOperator:
        return ModelOperator(written, made, arguments, named, make(*arguments, **named))

    made.makes_operator = written  # type: ignore[attr-defined]  # functions take attributes
    shown_as = signature(make).replace(return_annotation=ModelOperator)
    made.__signature__ = shown_as  # type: ignore[attr-defined]  # read by `inspect`
    return made


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
