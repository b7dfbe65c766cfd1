"""One call of a tool from the code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reactivex import abc

from ..events import ApprovalAsked, Event, ToolCompleted, ToolFailed, ToolStarted
from ..streams.sink import Sink

__all__ = ["SandboxCall"]

Settle = Callable[[Any, str, str | None], None]
"""Called once with the value, its text, and the error."""


class SandboxCall(Sink[Event, Event]):
    """Passes the events of a call on, and its outcome to the code.

    Args:
        observer: Observes the events.
        name: The tool's name.
        settle: Called with the outcome.
        fail: Called with an error of the stream itself.
    """

    __slots__ = ("_fail", "_id", "_outcome", "_settle", "name")

    def __init__(
        self,
        observer: abc.ObserverBase[Any],
        name: str,
        settle: Settle,
        fail: Callable[[Exception], None],
    ) -> None:
        super().__init__(observer)
        self.name = name
        self._settle = settle
        self._fail = fail
        self._id: str | None = None  # of a call that has begun, and has not ended
        self._outcome: tuple[Any, str, str | None] | None = None

    def on_next(self, value: Event) -> None:
        """Pass an event on, and note the outcome."""
        match value:
            case ApprovalAsked(call) | ToolStarted(call):
                self._id = call.id
            case ToolCompleted():
                self._id, self._outcome = None, (value.value, value.result, None)
            case ToolFailed():
                self._id, self._outcome = None, (None, "", value.error)
        super().on_next(value)

    def on_completed(self) -> None:
        """Give the outcome to the code."""
        if not self.is_stopped:
            self.dispose()
            self._settle(*(self._outcome or (None, "", f"{self.name} gave no result")))

    def on_error(self, error: Exception) -> None:
        """End the code."""
        if not self.is_stopped:
            self.dispose()
            self._fail(error)

    def cut(self) -> ToolFailed | None:
        """Dispose a call that the code did not await; return its last event, if it had begun."""
        self.dispose()
        if self._id is None:
            return None
        return ToolFailed(self._id, f"Cancelled: the code ended before {self.name} did.")
