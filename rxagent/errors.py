"""Errors: what can go wrong in a run.

.. code-block:: text

    RxAgentError
     ├─ ModelError               the model did not give a usable answer
     │   ├─ ModelUnavailable     (ConnectionError)  it could not be reached, or the reply broke off
     │   │   └─ CircuitOpen      a circuit breaker sent no request
     │   ├─ RateLimited          it asks for fewer requests
     │   ├─ ModelTimeout         (TimeoutError)     it sent nothing for too long
     │   ├─ ModelRefused         it declined to answer
     │   ├─ ModelRejected        it rejected the request
     │   └─ MalformedReply       (ValueError)       its reply violates its protocol
     ├─ ToolError                a tool call could not be carried out
     │   ├─ UnknownTool          there is no tool of that name
     │   ├─ InvalidArguments     (ValueError)       the arguments do not fit the tool
     │   ├─ ToolTimeout          (TimeoutError)     the tool took too long
     │   ├─ CallDenied           the call was not approved
     │   └─ CodeError            code that the model wrote failed, or met a limit
     ├─ ParseError               (ValueError)       the turn could not be read as an action
     ├─ NoAnswer                 the run ended without an answer
     ├─ NotAsked                 (LookupError)      no call waits for this decision
     ├─ RunCancelled             the run was cancelled
     ├─ MessageRefused           (RuntimeError)     a message was said to a run that takes none
     ├─ BudgetExceeded           the run exceeded its budget
     ├─ NotRecorded              (LookupError)      the request is not in the recording
     ├─ UnknownPrice             (LookupError)      the price of a model is not known
     ├─ BufferOverflow           a viewer was too slow for its buffer
     ├─ PoolExhausted            (RuntimeError)     all threads of a pool are taken
     ├─ MarbleSyntaxError        a marble diagram could not be read
     └─ MissingExtra             (ImportError)      an optional dependency is not installed

Every error takes its message first and its fields by keyword, and keeps them when pickled.
"""

from __future__ import annotations

from typing import Any, ClassVar

from .lazy_field import LazyField

__all__ = [
    "BudgetExceeded",
    "BufferOverflow",
    "CallDenied",
    "CircuitOpen",
    "CodeError",
    "InvalidArguments",
    "MalformedReply",
    "MarbleSyntaxError",
    "MessageRefused",
    "MissingExtra",
    "ModelError",
    "ModelRefused",
    "ModelRejected",
    "ModelTimeout",
    "ModelUnavailable",
    "NoAnswer",
    "NotAsked",
    "NotRecorded",
    "ParseError",
    "PoolExhausted",
    "RateLimited",
    "RunCancelled",
    "RxAgentError",
    "ToolError",
    "ToolTimeout",
    "UnknownPrice",
    "UnknownTool",
    "describe",
]


def __dir__() -> list[str]:
    return __all__


class RxAgentError(Exception):
    """Base of all errors that rxagent raises."""

    fields: ClassVar[tuple[str, ...]] = ()
    """The names of the keyword fields of this error; a field that is not given is None."""

    def __init__(self, message: str = "", **fields: Any) -> None:
        unknown = sorted(set(fields) - set(self.fields))
        if unknown:
            raise TypeError(f"{type(self).__name__} has no field named {', '.join(unknown)}")
        super().__init__(message)
        for name in self.fields:
            setattr(self, name, fields.get(name))


class ModelError(RxAgentError):
    """The model did not give a usable answer.

    `retry_after` is the number of seconds that the server asks to wait, None if it does not.
    """

    fields: ClassVar[tuple[str, ...]] = ("provider", "model", "status", "retry_after")
    provider: str | None
    model: str | None
    status: int | None
    retry_after: float | None


class ModelUnavailable(ModelError, ConnectionError):
    """The model could not be reached, returned a server error, or broke off its reply."""


class CircuitOpen(ModelUnavailable):
    """No request was sent, since the model has failed several times in a row.

    `retry_after` is the number of seconds until one is sent on trial. It concerns this model
    alone, since no server has asked for it.
    """


class RateLimited(ModelError):
    """The model received too many requests; `retry_after` says how long to wait, if known."""


class ModelTimeout(ModelError, TimeoutError):
    """The model sent nothing for longer than allowed."""


class ModelRefused(ModelError):
    """The model, or its provider's filter, declined to answer."""


class ModelRejected(ModelError):
    """The model rejected the request: its key, name, parameters or size is wrong."""


class MalformedReply(ModelError, ValueError):
    """The model's reply violates its own protocol."""


class ToolError(RxAgentError):
    """A tool call could not be carried out; the model reads why."""

    fields = ("tool",)
    tool: str | None


class UnknownTool(ToolError):
    """There is no tool of that name."""


class InvalidArguments(ToolError, ValueError):
    """The arguments do not fit the tool."""


class ToolTimeout(ToolError, TimeoutError):
    """The tool took longer than allowed."""


class CallDenied(ToolError):
    """The call was not approved, so it did not run."""


class CodeError(ToolError):
    """Code that the model wrote failed, or met a limit of its executor."""


class ParseError(RxAgentError, ValueError):
    """The turn could not be read as an action; the model reads why."""


class NoAnswer(RxAgentError):
    """The run ended without an answer; `state` is its last state."""

    fields = ("state",)
    state: Any = LazyField()


class NotAsked(RxAgentError, LookupError):
    """No call waits for this decision: it was decided, or never asked, or the run has ended."""

    fields = ("call_id",)
    call_id: str | None


class RunCancelled(RxAgentError):
    """The run was cancelled for `reason`; `state` is its last state."""

    fields = ("state", "reason")
    state: Any = LazyField()
    reason: str | None


class MessageRefused(RxAgentError, RuntimeError):
    """A message was said to a run that takes none, or none any more."""


class BudgetExceeded(RxAgentError):
    """The run exceeded its budget; `state` is its last state."""

    fields = ("state",)
    state: Any = LazyField()


class NotRecorded(RxAgentError, LookupError):
    """A recording is played, and the request is not in it; the message says how it differs."""


class UnknownPrice(RxAgentError, LookupError):
    """The price of `model` is not known, so its tokens cannot be counted in dollars."""

    fields = ("model",)
    model: str | None


class BufferOverflow(RxAgentError):
    """A viewer was too slow for its buffer."""


class PoolExhausted(RxAgentError, RuntimeError):
    """All threads of a pool are taken by functions that were stopped, or wait for one another."""


class MarbleSyntaxError(RxAgentError):
    """A marble diagram could not be read; `line` and `column` count from 1."""

    fields = ("file", "line", "column")
    file: str | None
    line: int | None
    column: int | None


class MissingExtra(RxAgentError, ImportError):
    """An optional dependency is not installed; the message names the command that installs it."""

    fields = ("extra",)
    extra: str | None


def describe(error: BaseException) -> str:
    """Return an error as events hold it: `Type: message`, or `Type` without a message."""
    try:
        message = str(error)
    except Exception:  # an error of the error must not hide the event
        message = ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
