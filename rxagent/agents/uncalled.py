"""Errors for what a run has and an agent does not: awaiting, piping, subscribing."""

from collections.abc import Generator
from typing import Any, Never

__all__ = ["Uncalled"]


class Uncalled:
    """A function from a task to a stream; not a stream itself, and not awaitable."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, Never]:
        raise TypeError(
            "An agent has no answer without a task. Write `await agent.start(task)`, "
            "or `agent.run(task)` to block until the answer."
        )

    @property
    def pipe(self) -> Never:
        """Raise AttributeError: pipe the agent's run."""
        raise self._is_of_runs("pipe", "agent(task).pipe(...)")

    @property
    def subscribe(self) -> Never:
        """Raise AttributeError: subscribe to the agent's run."""
        raise self._is_of_runs("subscribe", "agent(task).subscribe(...)")

    def _is_of_runs(self, name: str, instead: str) -> AttributeError:
        return AttributeError(
            f"An agent has no {name!r}, because it is not a stream; its run is. Write `{instead}`.",
            name=name,
            obj=self,
        )
