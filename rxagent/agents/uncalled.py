"""Errors for what a run has and an agent does not, and for what agents of other libraries have."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Never

from ..attributes import missing
from .hints import NOT_AN_ATTRIBUTE

__all__ = ["Uncalled"]


class _Advising(ABCMeta):
    """The type of agents: a missing method of the class says what to write instead."""

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Never:
            raise missing(cls.__name__, name, cls, NOT_AN_ATTRIBUTE)


class Uncalled(metaclass=_Advising):
    """A function from a task to a stream; not a stream itself, and not awaitable."""

    __slots__ = ()

    if not TYPE_CHECKING:  # for a type checker, an unknown attribute stays an error

        def __getattr__(self, name: str) -> Any:
            found = vars(Uncalled).get(name)
            if isinstance(found, property):  # its own error says more
                return found.fget(self)
            raise missing(type(self).__name__, name, self, NOT_AN_ATTRIBUTE)

    def __await__(self) -> Generator[Any, None, Never]:
        raise TypeError(
            "An agent has no answer without a task. Write `await agent.start(task)`, "
            "or `agent.run(task)` to block until the answer."
        )

    @property
    def subscribe(self) -> Never:
        """Raise AttributeError: subscribe to the agent's run."""
        raise AttributeError(
            "An agent has no 'subscribe', because it is not a stream; its run is. "
            "Write `agent(task).subscribe(...)`.",
            name="subscribe",
            obj=self,
        )
