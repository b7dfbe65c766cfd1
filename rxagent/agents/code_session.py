"""The session of a run: its variables, from its first code to its end."""

from collections.abc import Mapping
from typing import Any

from attrs import define
from reactivex import Observable, abc

from ..events import Event
from ..executors import CodeResult, Executor, Functions, Session
from ..messages import INTERPRETER
from ..state import State

__all__ = ["CodeSession", "Variables", "lost_variables"]


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

    Its variables are saved when the run has an answer, and when it ends.

    Args:
        executor: Where the code runs.
        given: The first variables.
        state: The state before the run, whose variables are there, too.
    """

    __slots__ = ("_executor", "_given", "_saved", "_session", "kept")

    def __init__(self, executor: Executor, given: Mapping[str, Any], state: State) -> None:
        self.kept = Variables(_kind_of(executor))
        self._executor = executor
        self._given = given
        self._saved = _saved_in(state, executor)
        self._session: Session | None = None

    def run(self, code: str, functions: Functions) -> Observable[str | Event | CodeResult]:
        """Return a run of code, which begins when it is subscribed."""
        if self._session is None:
            self._session = self._executor.open(self._given, self._saved)
            self._saved = None
        return self._session.run(code, functions)

    def save(self) -> None:
        """Save the variables."""
        if self._session is not None:
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
