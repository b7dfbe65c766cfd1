"""The session of a run: its variables, from its first code to its end."""

from collections.abc import Mapping
from typing import Any

from attrs import define
from reactivex import Observable, abc

from ..events import Event
from ..executors import CodeResult, Executor, Functions, Session
from ..state import State

__all__ = ["INTERPRETER", "CodeSession", "Variables", "lost_variables"]

INTERPRETER = "python_interpreter"
"""The name under which code appears as a call."""


@define(eq=False)
class Variables:
    """The variables of a run's code, for the runs that continue its conversation.

    Attributes:
        kind: The kind of executor that can read them.
        saved: What its session saved; None before its end, and if they cannot be kept.
    """

    kind: str
    saved: Any = None

    def __repr__(self) -> str:
        return f"<Variables: {'lost' if self.saved is None else self.kind}>"


class CodeSession(abc.DisposableBase):
    """Runs the code of one run in one session, which is opened for the first code.

    Its variables are saved when the run has an answer or ends, unless it ends while code runs.

    Args:
        executor: Where the code runs.
        given: The first variables.
        state: The state before the run, whose variables are there, too.
    """

    __slots__ = ("_executor", "_given", "_is_changed", "_saved", "_session", "kept")

    def __init__(self, executor: Executor, given: Mapping[str, Any], state: State) -> None:
        self.kept = Variables(_kind_of(executor))
        self._executor = executor
        self._given = given
        self._saved = _saved_in(state, executor)
        self._session: Session | None = None
        self._is_changed = False

    def run(self, code: str, functions: Functions) -> Observable[str | Event | CodeResult]:
        """Return a run of code; call `ended` when it has ended."""
        if self._session is None:
            self._session = self._executor.open(self._given, self._saved)
            self._saved = None
        self._is_changed = False
        return self._session.run(code, functions)

    def ended(self) -> None:
        """Note that the variables are in a state that can be saved."""
        self._is_changed = True

    def save(self) -> None:
        """Save the variables, unless they are saved or code is changing them."""
        if self._session is not None and self._is_changed:
            self._is_changed = False
            self.kept.saved = self._session.save()

    def dispose(self) -> None:
        """Save the variables, and close the session."""
        session = self._session
        if session is not None:
            try:
                self.save()
            finally:
                self._session = None
                session.close()


def lost_variables(state: State, executor: Executor) -> bool:
    """Return whether code of this conversation had variables that are not available any more."""
    if _saved_in(state, executor) is not None:
        return False
    return any(call.name == INTERPRETER for step in state.steps for call in step.calls)


def _saved_in(state: State, executor: Executor) -> Any:
    kept = state.session
    if isinstance(kept, Variables) and kept.kind == _kind_of(executor):
        return kept.saved
    return None


def _kind_of(executor: Executor) -> str:
    return f"{type(executor).__module__}.{type(executor).__qualname__}"
