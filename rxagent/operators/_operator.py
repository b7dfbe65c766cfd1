"""What all operators on streams share: each is called, then given a stream, or piped to a thing.

.. code-block:: text

    ops.retry(2)             an operator: printable, and picklable where its arguments are
    ops.retry(2)(stream)     a stream
    model.pipe(ops.retry(2)) a model; `tool.pipe` is a tool, `agent.pipe` an agent
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction, signature
from typing import Any, TypeAlias, TypeVar, cast, overload

from attrs import frozen
from reactivex import Observable

from ..arguments import shorten, shown
from ..pickling import Shared, portable

__all__ = [
    "Operator",
    "Place",
    "StreamOperator",
    "applied",
    "call_of",
    "checked",
    "is_sure",
    "name_of",
    "operator",
    "remade",
    "written_call",
]

_F = TypeVar("_F", bound=Callable[..., Callable[[Any], Any]])

Operator: TypeAlias = Callable[[Any], Any]
"""A function from a stream to a stream, or from a model to a model."""


@frozen
class Place:
    """What operators are piped to.

    Attributes:
        name: In one word: ``"model"``.
        emits: What its stream emits.
        stream: How its stream is written.
    """

    name: str
    emits: str
    stream: str


_RIGHT_PLACE = {
    "deltas": "Pipe it to the model: `Agent(model.pipe({}))`.",
    "events": "Pipe it to the agent: `agent.pipe({})`.",
    "events or deltas": "Pipe it to the agent: `agent.pipe({})`.",
}
"""What to write instead, by what an operator takes that emits the same."""

_RIGHT_STREAM = {
    "deltas": "Pipe it to the stream of a model: `model(request).pipe({})`.",
    "events": "Pipe it to the stream of a run: `agent(task).pipe({})`.",
    "events or deltas": "Pipe it to the stream of a run: `agent(task).pipe({})`.",
    "messages": "Pipe it to a stream of messages, as `ops.accumulate()` emits them.",
}
"""What to write instead, by what an operator takes that emits something else."""


@frozen
class _Fit:
    """Where an operator can stand.

    Attributes:
        takes: What its source must emit, such as `events or deltas`; None for anything.
        emits: What it emits; None for what its source emits.
        tool: Makes what stands in its place at a tool; None for itself.
        is_open: Whether other operators decide what it emits.
    """

    takes: str | None = None
    emits: str | None = None
    tool: Callable[..., Operator] | None = None
    is_open: bool = False


@frozen(eq=False, repr=False)
class StreamOperator(Shared):
    """A function from a stream to a stream, as an operator of `ops` is once it is called."""

    written: str
    """How it is written, as ``ops.retry(...)``."""

    _make: Callable[..., Operator]
    _arguments: tuple[Any, ...]
    _named: Mapping[str, Any]
    _fit: _Fit
    _apply: Operator

    def __call__(self, source: Any) -> Any:
        """Return the stream that it makes of another one."""
        if not isinstance(source, Observable):
            instead = [f"`agent(task).pipe({self.written})`"] * (self._fit.takes != "deltas")
            if self._fit.emits is None and self._fit.takes in (None, "deltas"):
                instead.append(f"`model.pipe({self.written})`")
            raise TypeError(
                f"{self.written} takes a stream, not {shown(source)}. "
                f"Write {' or '.join(instead or [f'`model(request).pipe({self.written})`'])}."
            )
        return self._apply(source)

    def __repr__(self) -> str:
        return written_call(self._make, self._arguments, self._named)

    def __reduce__(self) -> tuple[Any, ...]:
        return remade(self, self._make, self._arguments, self._named)

    def at(self, place: Place) -> Operator:
        """Return what stands at a place.

        Raises:
            TypeError: It cannot stand there.
        """
        fit, written = self._fit, self.written
        if place.name == "tool" and fit.tool is not None:
            return fit.tool(*self._arguments, **self._named)
        if fit.takes is not None and place.emits not in fit.takes.split(" or "):
            right = (_RIGHT_PLACE if fit.emits is None else _RIGHT_STREAM)[fit.takes]
            raise TypeError(
                f"{written} cannot be piped to {_a(place.name)}: it takes {fit.takes}, and "
                f"{_a(place.name)} emits {place.emits}. {right.format(written)}"
            )
        if fit.emits is not None and place.name != "tool":  # a tool may emit any value
            raise TypeError(
                f"{written} cannot be piped to {_a(place.name)}: it emits {fit.emits}, and "
                f"{_a(place.name)} emits {place.emits}. "
                f"Pipe it to the stream: `{place.stream}.pipe({written})`."
            )
        return self


@overload
def operator(make: _F, /) -> _F: ...
@overload
def operator(
    *,
    takes: str | None = None,
    emits: str | None = None,
    tool: Callable[..., Operator] | None = None,
    is_open: bool = False,
) -> Callable[[_F], _F]: ...
def operator(make: Any = None, /, **fit: Any) -> Any:
    """Let an operator refuse anything but a stream, and say what to write instead.

    An operator without arguments also refuses a stream, to which it was piped without brackets.

    Args:
        make: The function that makes the operator of arguments.
        fit: Where it can stand, see `_Fit`.
    """
    if make is None:
        return partial(_operator, _Fit(**fit))
    return _operator(_Fit(), make)


def _operator(fit: _Fit, make: _F) -> _F:
    name = f"ops.{make.__name__}"
    takes_arguments = bool(signature(make).parameters)
    written = f"{name}({'...' if takes_arguments else ''})"

    @wraps(make)
    def made(*arguments: Any, **named: Any) -> StreamOperator:
        if arguments and not takes_arguments:
            raise TypeError(f"{name} takes nothing: write {name}(), not {shown(arguments[0])}.")
        apply = make(*arguments, **named)
        return StreamOperator(written, made, arguments, named, fit, apply)

    made.makes_operator = written  # type: ignore[attr-defined]  # functions take attributes
    return cast(_F, made)


def checked(place: Place, operators: tuple[Any, ...]) -> tuple[Operator, ...]:
    """Return operators that are piped to a place.

    Raises:
        TypeError: One cannot stand there; the message says what to write instead.
    """
    for given in operators:
        if isinstance(given, StreamOperator):
            given.at(place)
        elif getattr(given, "takes_model", False):
            if place.name != "model":
                raise TypeError(
                    f"{name_of(given)} cannot be piped to {_a(place.name)}: it takes a model, "
                    f"since it reads requests. Write `Agent(model.pipe({name_of(given)}))`."
                )
        elif (written := getattr(given, "makes_operator", None)) is not None:
            raise TypeError(f"{shown(given)} makes an operator when it is called: write {written}.")
        elif not callable(given) or isclass(given):
            raise TypeError(
                f"{shown(given)} is no operator, which is a function from a stream to a stream. "
                f"Operators are given one by one: {place.name}.pipe(one, other)."
            )
        elif any(kind(given) for kind in _NOT_OF_STREAMS):
            raise TypeError(
                f"{shown(given)} is asynchronous or a generator. An operator is a plain function, "
                "which takes a stream and returns one."
            )
        elif hasattr(given, "pipe") or getattr(given, "is_model", False):
            raise TypeError(
                f"{shown(given)} is a model, a tool or an agent, and no operator. Several models "
                "are given to ops.fallback, ops.hedge or ops.race."
            )
    return operators


_NOT_OF_STREAMS = (iscoroutinefunction, isgeneratorfunction, isasyncgenfunction)


def applied(place: Place, operators: tuple[Operator, ...], source: Observable[Any]) -> Any:
    """Return the stream that operators make of another one, one after the other.

    Raises:
        TypeError: One of them returned no stream.
    """
    for given in operators:
        stand = given.at(place) if isinstance(given, StreamOperator) else given
        made = stand(source)
        if not isinstance(made, Observable):
            raise TypeError(
                f"{name_of(given)}, which is piped to {_a(place.name)}, returned {shown(made)}. "
                "An operator takes a stream and returns one."
            )
        source = made
    return source


def is_sure(given: Operator) -> bool:
    """Return whether it surely emits what its place emits."""
    return isinstance(given, StreamOperator) and not given._fit.is_open


def name_of(given: Operator) -> str:
    """Return an operator as it is written."""
    if (written := getattr(given, "written", None)) is not None:
        return str(written)
    if str(getattr(given, "__module__", "")).startswith("reactivex."):
        return "an operator of ReactiveX"  # its functions do not know their names
    return str(getattr(given, "__name__", None) or shorten(repr(given)))


def call_of(given: Operator) -> str:
    """Return an operator with its arguments; a function by its name."""
    is_ours = is_sure(given) or getattr(given, "takes_model", False)
    return repr(given) if is_ours else name_of(given)


def written_call(
    make: Callable[..., Any], arguments: tuple[Any, ...], named: Mapping[str, Any]
) -> str:
    """Return a call as it is written: ``retry(2, delay=0.5)``."""
    words = [*map(_word, arguments), *(f"{name}={_word(value)}" for name, value in named.items())]
    return f"{make.__name__}({', '.join(words)})"


def _word(value: Any) -> str:
    return str(getattr(value, "__name__", None) or shorten(repr(value)))


def remade(
    owner: Any, make: Callable[..., Any], arguments: tuple[Any, ...], named: Mapping[str, Any]
) -> tuple[Any, ...]:
    """Return how pickle makes an operator again: with the same arguments, and no state."""
    what = f"The operator {owner!r}"
    given = tuple(portable(what, "an argument", value) for value in arguments)
    kept = {name: portable(what, f"its {name}=", value) for name, value in named.items()}
    return _remake, (make, given, kept)


def _remake(
    make: Callable[..., Operator], arguments: tuple[Any, ...], named: Mapping[str, Any]
) -> Operator:
    return make(*arguments, **named)


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
