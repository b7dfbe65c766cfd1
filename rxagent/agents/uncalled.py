"""What is asked of an agent and is its run's: errors that say what to write."""

from collections.abc import Generator
from typing import Any, Never

__all__ = ["Uncalled"]


class Uncalled:
    """A function from a task to a stream, which is no stream itself and cannot be awaited."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, Never]:
        raise TypeError(
            "An agent has no answer without a task. Write `await agent.start(task)`, "
            "or `agent.run(task)` to block for it."
        )

    @property
    def pipe(self) -> Never:
        """Raise AttributeError: an agent's runs are piped."""
        raise self._is_of_runs("pipe", "agent(task).pipe(...)")

    @property
    def subscribe(self) -> Never:
        """Raise AttributeError: an agent's runs are subscribed to."""
        raise self._is_of_runs("subscribe", "agent(task).subscribe(...)")

    def _is_of_runs(self, name: str, instead: str) -> AttributeError:
        return AttributeError(
            f"An agent has no {name!r}, for it is no stream: it makes one of a task. "
            f"Write `{instead}`.",
            name=name,
            obj=self,
        )
