"""Answers: read from a call of final_answer, and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from pydantic_core import from_json
from reactivex import Observable
from reactivex import operators as rxo

from ..arguments import shorten
from ..errors import ParseError, describe
from ..events import Event, StepFailed
from ..frozen import freeze
from ..json_text import escaped
from ..messages import ToolCall
from ..state import State
from ..streams import iterate
from ..streams import operators as stream_ops
from ..streams.calls import Returned, calling, cause_of
from ..streams.workers import Workers

__all__ = ["check_answer", "failed_if_unusable", "read_answer"]


def _parsed(text: str) -> Any:
    return from_json(escaped(text))


def read_answer(call: ToolCall, reason: str, parse: Callable[[str], Any] = _parsed) -> Any:
    """Return the answer in a call of final_answer.

    As for any tool with one parameter, an object that was encoded twice is decoded twice, and a
    bare value is accepted, unless it may have been cut.

    Args:
        call: The call.
        reason: The finish reason of its turn.
        parse: Reads JSON.

    Raises:
        ParseError: The arguments hold no answer.
    """
    try:
        arguments = parse(call.arguments)
        if isinstance(arguments, str):
            arguments = _decoded(arguments, parse)
        if isinstance(arguments, dict):
            return freeze(arguments["answer"])
        if arguments is None or reason == "length":
            raise TypeError
        return freeze(arguments)
    except (ValueError, TypeError, KeyError):
        cut = " (they were cut off by the length limit)" if reason == "length" else ""
        raise ParseError(
            f"The arguments of final_answer hold no answer{cut}: {shorten(call.arguments, 300)!r}. "
            'Write one JSON object of the form {"answer": <value>}.'
        ) from None


def _decoded(text: str, parse: Callable[[str], Any]) -> Any:
    """Return the object that a text holds, or the text.

    Raises:
        ValueError: It is a part of an object, or blank.
    """
    try:
        value = parse(text)
    except ValueError:
        if not text.strip() or text.lstrip().startswith("{"):
            raise
        return text
    return value if isinstance(value, dict) else text


def failed_if_unusable(error: Exception) -> Observable[Event]:
    """Return the end of a step whose turn cannot be used; raise any other error."""
    if isinstance(error, ParseError):
        return stream_ops.of(StepFailed(describe(error)))
    raise error


def check_answer(
    checks: Iterable[Callable[..., Any]], value: Any, state: State, workers: Workers | None = None
) -> Observable[Any]:
    """Emit a value once every check has passed.

    A check is a callable, `check(value, state)`, plain or asynchronous; it fails by raising or by
    returning False.

    Raises:
        ParseError: A check failed; by `on_error`.
    """
    waiting = tuple(checks)
    if not waiting:
        return stream_ops.of(value)
    return iterate(
        lambda passed: (
            _check(waiting[passed], value, state, workers)
            if waiting[passed:]
            else stream_ops.of(value)
        ),
        lambda passed, _: passed + 1,
        lambda: 0,
        lambda passed: passed > len(waiting),
    ).pipe(rxo.last())


def _check(
    check: Callable[..., Any], value: Any, state: State, workers: Workers | None
) -> Observable[Any]:
    name = _name(check)

    def judge(verdict: Any) -> Any:
        # The last verdict of a check that yields several counts.
        if (verdict.value if isinstance(verdict, Returned) else verdict) is False:
            raise ParseError(f"Check {name} failed: it returned False.")
        return verdict

    def fail(error: Exception) -> Observable[Any]:
        error = cause_of(error)
        if isinstance(error, ParseError):
            raise error
        raise ParseError(f"Check {name} failed: {describe(error)}")

    call = partial(check, value, state)
    called = calling(call, workers=workers, name=f"the check {name}").pipe(rxo.last())
    return called.pipe(stream_ops.map(judge), stream_ops.catch(fail))


def _name(check: Callable[..., Any]) -> str:
    while isinstance(check, partial):
        check = check.func
    return getattr(check, "__name__", type(check).__name__)
