"""The protocol of executors: where the code that a model wrote runs.

.. code-block:: text

    Executor.open(variables) ─ Session ─ run(code, functions) ─ str | Event | CodeResult

An executor holds no state of its runs; a session belongs to one run and keeps its variables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from attrs import field, frozen
from reactivex import Observable

from ..arguments import number, valid
from ..events import Event

__all__ = [
    "NOT_OF_EXECUTORS",
    "PATIENCE",
    "CodeResult",
    "Executor",
    "Functions",
    "Limits",
    "Session",
]

PATIENCE = 1.0
"""Seconds for which code waits for the end of code before it, which was disposed right now."""

NOT_OF_EXECUTORS = {
    "timeout_seconds": "Write `limits=Limits(seconds=...)`.",
    "max_print_outputs_length": "Write `limits=Limits(output=...)`.",
    "additional_functions": "Functions are tools: `CodeAgent(model, tools=[...])`.",
    "...": "Its limits are `limits=Limits(...)`; see `help(rxagent.executors)`.",
}
"""What to write instead of an argument that an executor does not take, by its name."""


@frozen
class Limits:
    """The limits of one piece of code.

    Attributes:
        seconds: The time it may run; the time of the tools that it calls does not count.
        memory: The memory it may hold, in bytes.
        calls: How many tools it may call.
        output: How many characters it may print; more are counted, but neither kept nor emitted.
    """

    seconds: float = field(default=20.0, validator=valid(number, least=0))
    memory: int = field(default=256 * 2**20, validator=valid(number, least=1, whole=True))
    calls: int = field(default=1000, validator=valid(number, least=0, whole=True))
    output: int = field(default=50_000, validator=valid(number, least=0, whole=True))


@frozen
class CodeResult:
    """The value of a piece of code, emitted last; `is_final` if it called final_answer."""

    value: Any
    is_final: bool = False


FunctionCall: TypeAlias = Callable[[str, tuple[Any, ...], Mapping[str, Any]], Observable[Event]]
"""Calls a tool by name with positional and named arguments.

It emits the events of one call; ToolCompleted holds the value for the code, and ToolFailed the
error that the code can catch.
"""


@frozen
class Functions:
    """The functions that code may call, beside `final_answer`, which ends it.

    Attributes:
        names: Their names.
        asynchronous: The names of those that return an awaitable to the code.
        call: Calls one of them.
    """

    names: frozenset[str]
    asynchronous: frozenset[str]
    call: FunctionCall


class Session(Protocol):
    """The variables of one run, and where its code runs."""

    def run(self, code: str, functions: Functions) -> Observable[str | Event | CodeResult]:
        """Emit what code prints, the events of its calls, and last its result.

        Subscribing runs it; disposing kills it.

        Raises:
            CodeError: The code failed or met a limit, or its process died; by `on_error`. The
                text is for the model: what failed, in which line, and what to do.
        """

    def save(self) -> Any:
        """Return the variables now, for `Executor.open`, as a value that never changes.

        None if they cannot be kept, or if that would take long, since it is called after each
        piece of code.
        """

    def close(self) -> None:
        """End the session and free its process; calling it again does nothing."""


class Executor(Protocol):
    """Where the code of models runs."""

    @property
    def limits(self) -> Limits:
        """The limits of each piece of code."""

    @property
    def language(self) -> str:
        """What the model must know about the language, for the system prompt."""

    def open(self, variables: Mapping[str, Any], saved: Any = None) -> Session:
        """Return a new session with these variables, and with those that another one saved."""
