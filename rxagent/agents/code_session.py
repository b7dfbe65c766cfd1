"""The session of a run: its variables, from its first code to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

from attrs import frozen
from reactivex import Observable, abc

from ..events import Event
from ..executors import CodeResult, Executor, Functions, Session
from ..messages import INTERPRETER
from ..state import State
from .code_names import check_names

__all__ = ["CodeSession", "Variables", "lost_variables"]

_MOST_KEPT = 64 * 2**20
"""How many bytes of variables the events of a run may hold, without those of its answer."""


@frozen(eq=False)
class Variables:
    """The variables after a piece of code, for the runs that continue from there.

    Attributes:
        kind: The kind of executor that can read them.
        saved: What its session saved; None if they are lost.
    """

    kind: str
    saved: Any = None

    def __repr__(self) -> str:
        return f"<Variables: {'lost' if self.saved is None else self.kind}>"


class CodeSession(abc.DisposableBase):
    """Runs the code of one run in one session, which is opened for the first code.

    Args:
        executor: Where the code runs.
        given: The first variables.
        state: The state before the run, whose variables are there, too.
    """

    __slots__ = ("_executor", "_given", "_kept", "_saved", "_session")

    def __init__(self, executor: Executor, given: Mapping[str, Any], state: State) -> None:
        self._kept: WeakSet[Variables] = WeakSet()
        self._executor = executor
        self._given = given
        self._saved = _saved_in(state, executor)
        self._session: Session | None = None

    def run(self, code: str, functions: Functions) -> Observable[str | Event | CodeResult]:
        """Return a run of code, which begins when it is subscribed.

        Raises:
            CodeError: The code sets the name of a function.
        """
        check_names(code, (*functions.names, "final_answer"))
        if self._session is None:
            self._session = self._executor.open(self._given, self._saved)
            self._saved = None
        return self._session.run(code, functions)

    def variables(self, *, is_answer: bool = False) -> Variables:
        """Return the variables as they are now, while no code runs.

        They are lost if the session does not save them, or if the events that are still there hold
        too many already.

        Args:
            is_answer: Whether the code gave the final answer, so that they are kept in any case.
        """
        saved = None if self._session is None else self._session.save()
        held = sum(_size(each.saved) for each in self._kept)
        if not is_answer and held + _size(saved) > _MOST_KEPT:
            saved = None
        variables = Variables(_kind_of(self._executor), saved)
        self._kept.add(variables)
        return variables

    def dispose(self) -> None:
        """Close the session."""
        session, self._session = self._session, None
        if session is not None:
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


def _size(saved: Any) -> int:
    return len(saved) if isinstance(saved, bytes) else 0


def _kind_of(executor: Executor) -> str:
    return f"{type(executor).__module__}.{type(executor).__qualname__}"
