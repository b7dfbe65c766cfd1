"""Cold runs, as an agent returns them."""

from __future__ import annotations

from collections.abc import Generator
from pickle import PicklingError
from typing import Any, Never

from reactivex import abc

from ..events import Event
from ..streams import Stream

__all__ = ["ColdRun"]

_AWAIT = (
    "A run that has not begun has no answer. Write `await agent.start(task)`, or `agent.run(task)` "
    "to block until the answer."
)


class ColdRun(Stream[Event]):
    """A run that has not begun; each subscription begins a new one.

    It differs from other streams in that it cannot be awaited, since its last item is not the
    answer.
    """

    def __reduce__(self) -> Never:
        raise PicklingError(
            "A run that has not begun cannot be sent to another process. "
            "Send the agent and the task, and call it there."
        )

    def __repr__(self) -> str:
        return "<ColdRun: begins when subscribed>"

    def run(self, scheduler: abc.SchedulerBase | None = None) -> Any:
        """Raise TypeError: the last event of a run is not its answer."""
        raise TypeError(_AWAIT)

    def __await__(self) -> Generator[Any, None, Any]:
        raise TypeError(_AWAIT)
