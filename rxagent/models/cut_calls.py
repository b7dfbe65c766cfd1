"""Cut calls: what a server could read of a call that the length limit cut, sent as if whole.

A server that parses arguments itself sends what it has of them as an object, which is closed. So
such an object waits until the reply goes on, or its finish reason is known.
"""

from __future__ import annotations

from attrs import evolve

from ..events import ToolCallDelta

__all__ = ["Latest", "unended"]


def unended(arguments: str) -> str:
    """Return arguments without their end, if they have one."""
    text = arguments.rstrip()
    return text[:-1] if text[-1:] == "}" else arguments


class Latest:
    """Holds the latest call of a reply, or its arguments, if they came as an object."""

    def __init__(self) -> None:
        self._held: ToolCallDelta | None = None

    def __bool__(self) -> bool:
        """Return whether a delta is held."""
        return self._held is not None

    def hold(self, delta: ToolCallDelta) -> None:
        """Hold a delta; the one before it was released."""
        self._held = delta

    def release(self, is_cut: bool = False) -> list[ToolCallDelta]:
        """Return the delta that is held, if any.

        Args:
            is_cut: Whether the length limit has cut the reply; then the arguments lack their end.
        """
        held, self._held = self._held, None
        if held is None:
            return []
        return [evolve(held, arguments=unended(held.arguments or "")) if is_cut else held]
