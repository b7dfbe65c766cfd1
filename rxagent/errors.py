"""Errors: what can go wrong, said in the user's words.

.. code-block:: text

    RxAgentError
     ├─ ModelError               the model did not give a usable answer
     │   ├─ ModelUnavailable     (ConnectionError)  it could not be reached, or broke off
     │   ├─ RateLimited          it asked us to come back later
     │   ├─ ModelTimeout         (TimeoutError)     it was silent for too long
     │   ├─ ModelRefused         it declined to answer
     │   ├─ ModelRejected        it did not accept the request
     │   └─ MalformedReply       (ValueError)       it sent what its protocol does not allow
     ├─ ToolError                a tool call could not be carried out
     │   ├─ UnknownTool          there is no tool of that name
     │   ├─ InvalidArguments     (ValueError)       the arguments do not fit the tool
     │   └─ ToolTimeout          (TimeoutError)     the tool took too long
     ├─ ParseError               (ValueError)       the turn could not be read as an action
     ├─ NoAnswer                 the run ended without an answer
     ├─ RunCancelled             somebody cancelled the run
     ├─ BudgetExceeded           the run spent more than it was allowed to
     ├─ BufferOverflow           a viewer was too slow for its buffer
     ├─ PoolExhausted            (RuntimeError)     the pool of threads takes no more jobs
     ├─ MarbleSyntaxError        a marble diagram could not be read
     └─ MissingExtra             (ImportError)      an optional dependency is not installed

Every error takes its sentence first and its facts by keyword, and keeps them when it is pickled.
"""

from typing import Any, ClassVar

__all__ = [
    "BudgetExceeded",
    "BufferOverflow",
    "InvalidArguments",
    "MalformedReply",
    "MarbleSyntaxError",
    "MissingExtra",
    "ModelError",
    "ModelRefused",
    "ModelRejected",
    "ModelTimeout",
    "ModelUnavailable",
    "NoAnswer",
    "ParseError",
    "PoolExhausted",
    "RateLimited",
    "RunCancelled",
    "RxAgentError",
    "ToolError",
    "ToolTimeout",
    "UnknownTool",
    "describe",
]


def __dir__() -> list[str]:
    return __all__


class RxAgentError(Exception):
    """Everything that rxagent raises of its own."""

    facts: ClassVar[tuple[str, ...]] = ()
    """The names of the keyword facts this error may carry; one that is not given is None."""

    def __init__(self, message: str = "", **facts: Any) -> None:
        unknown = sorted(set(facts) - set(self.facts))
        if unknown:
            raise TypeError(f"{type(self).__name__} has no fact named {', '.join(unknown)}")
        super().__init__(message)
        for name in self.facts:
            setattr(self, name, facts.get(name))


class ModelError(RxAgentError):
    """The model did not give a usable answer.

    `retry_after` are the seconds after which the server asked us to come back, None if it did not.
    """

    facts: ClassVar[tuple[str, ...]] = ("provider", "model", "status", "retry_after")
    provider: str | None
    model: str | None
    status: int | None
    retry_after: float | None


class ModelUnavailable(ModelError, ConnectionError):
    """The model could not be reached, answered with a server error, or broke off."""


class RateLimited(ModelError):
    """The model was asked too often; `retry_after` says when to come back, if it said so."""


class ModelTimeout(ModelError, TimeoutError):
    """The model was silent for longer than allowed."""


class ModelRefused(ModelError):
    """The model, or its provider's filter, declined to answer."""


class ModelRejected(ModelError):
    """The model did not accept the request: key, name, parameters or size are wrong."""


class MalformedReply(ModelError, ValueError):
    """The model sent what its own protocol does not allow."""


class ToolError(RxAgentError):
    """A tool call could not be carried out; the model reads why."""

    facts = ("tool",)
    tool: str | None


class UnknownTool(ToolError):
    """There is no tool of that name."""


class InvalidArguments(ToolError, ValueError):
    """The arguments do not fit the tool."""


class ToolTimeout(ToolError, TimeoutError):
    """The tool took longer than allowed."""


class ParseError(RxAgentError, ValueError):
    """The turn could not be read as an action; the model reads why."""


class NoAnswer(RxAgentError):
    """The run ended without an answer; `state` holds what it had found out."""

    facts = ("state",)
    state: Any


class RunCancelled(RxAgentError):
    """Somebody cancelled the run, for `reason`; `state` holds what it had found out."""

    facts = ("state", "reason")
    state: Any
    reason: str | None


class BudgetExceeded(RxAgentError):
    """The run spent more than it was allowed to; `state` holds what it had found out."""

    facts = ("state",)
    state: Any


class BufferOverflow(RxAgentError):
    """A viewer was too slow for its buffer."""


class PoolExhausted(RxAgentError, RuntimeError):
    """The pool of threads takes no more jobs: too many were stopped and have not returned."""


class MarbleSyntaxError(RxAgentError):
    """A marble diagram could not be read; says where, counting lines and columns from 1."""

    facts = ("file", "line", "column")
    file: str | None
    line: int | None
    column: int | None


class MissingExtra(RxAgentError, ImportError):
    """An optional dependency is not installed; says which command installs it."""

    facts = ("extra",)
    extra: str | None


def describe(error: BaseException) -> str:
    """Return the text under which events speak of an error: `Type: message`, or `Type` alone."""
    try:
        message = str(error)
    except Exception:  # whoever raised it, the event must be told
        message = ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
