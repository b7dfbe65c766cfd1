"""Cold runs: what an agent returns."""

from collections.abc import Generator
from pickle import PicklingError
from typing import Any, Never

from reactivex import abc

from ..events import Event
from ..streams import Stream

__all__ = ["ColdRun"]

_AWAIT = (
    "A run that has not begun has no answer. Write `await agent.start(task)`, or `agent.run(task)` "
    "to block for it."
)


class ColdRun(Stream[Event]):
    """A run that has not begun: subscribing to it begins one, each time anew.

    It differs from other streams in that waiting for it is an error that says what to write, since
    its last item is not the answer.
    """

    def __reduce__(self) -> Never:
        raise PicklingError(
            "A run that has not begun cannot be sent to another process. "
            "Send the agent and the task, and call it there."
        )

    def __repr__(self) -> str:
        return "<ColdRun: it begins when it is subscribed to>"

    def run(self, scheduler: abc.SchedulerBase | None = None) -> Any:
        """Raise TypeError: nobody waits for the last event of a run."""
        raise TypeError(_AWAIT)

    def __await__(self) -> Generator[Any, None, Any]:
        raise TypeError(_AWAIT)
