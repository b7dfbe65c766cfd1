"""Choosing: a model, an agent or a function decides between answers, or between agents."""

from __future__ import annotations

from collections.abc import Callable, Generator
from inspect import isclass
from typing import Any

from reactivex import Observable

from ..arguments import shown
from ..errors import NoAnswer, ParseError, describe
from ..events import StepFailed
from ..state import TRY_AGAIN
from ..streams import operators as stream_ops
from ..streams.calls import Returned, calling, cause_of
from .agent import Agent
from .script import Round

__all__ = ["called", "choose", "chooser_of", "is_agent"]

_ATTEMPTS = 3
"""How often an agent is asked until its reply can be read."""


def chooser_of(name: str, chooser: Any) -> Any:
    """Return a model as an agent; an agent or a function as it is."""
    if isinstance(chooser, str) or getattr(chooser, "is_model", False):
        return Agent(chooser, name=name)
    if not callable(chooser) or isclass(chooser):
        raise TypeError(
            f"{shown(chooser)} cannot choose. Give a function, an agent, a model or its name."
        )
    return chooser


def is_agent(chooser: Any) -> bool:
    """Return whether it is an agent, which is asked, and not a function, which is called."""
    return hasattr(chooser, "as_tool")


def choose(
    agent: str, question: str, read: Callable[[Any], Any]
) -> Generator[Round | StepFailed, Any, Any]:
    """Ask an agent to choose, until its reply can be read."""
    asked = question
    for _ in range(_ATTEMPTS):
        (said,) = yield Round((agent,), asked)
        try:
            return read(said)
        except ParseError as error:
            failed = describe(error)
            yield StepFailed(failed)
            asked = f"{question}\n\n{failed}\n{TRY_AGAIN}"
    raise NoAnswer(f"{agent} made no choice in {_ATTEMPTS} attempts. {failed}", state=None)


def called(call: Callable[[], Any], name: str) -> Observable[Any]:
    """Emit what a function returns; it may block, or be asynchronous."""

    def fail(error: Exception) -> Observable[Any]:
        raise cause_of(error)

    return calling(call, name=name).pipe(stream_ops.map(_returned), stream_ops.catch(fail))


def _returned(value: Any) -> Any:
    returned = value.value if isinstance(value, Returned) else value
    if isinstance(returned, Observable):
        raise TypeError(
            "The function that chooses returned a stream. If it is a model, write as_model(...) "
            "around it, with `from rxagent.models import as_model`."
        )
    return returned
